// Runs and their steps, as kysely sees them.
import type { ColumnType, Generated } from 'kysely'
import type { Reaction, RunState } from '../../core/run/run.ts'

type Int8Default = ColumnType<
  string,
  string | bigint | number | undefined,
  string | bigint | number
>
type Time = ColumnType<Date, Date | string, Date | string>

type Runs = {
  organisation_id: string
  run_id: string
  session_id: string
  agent_id: string
  version_id: string
  pact_id: string
  name: string
  state: RunState
  reason: string | null
  closed_by_call: string | null
  on_failure: Reaction
  on_denied: Reaction
  irreversible_last: boolean
  expires_at: Time | null
  opened_by: string | null
  closed_by: string | null
  parent_run_id: string | null
  opened_at: Time
  closed_at: Time | null
  ended_at: Time | null
  settled_by: string | null
  settled_reason: string | null
  lease_replica: string | null
  lease_until: Time | null
  fence: Int8Default
  next_at: Time | null
}

type RunSteps = {
  organisation_id: string
  run_id: string
  effect_id: string
  call_id: string
  attempts: Generated<number>
  next_at: Time | null
  code: string | null
  message: string | null
  is_left: Generated<boolean>
}

export type RunTables = {
  'airworthy.runs': Runs
  'airworthy.run_steps': RunSteps
}
