// Triggers and what is remembered of agents for them, as kysely sees them.
import type { ColumnType } from 'kysely'
import type { EncounterKind, Trigger } from '../../core/escalation/escalation.ts'

type Int8 = ColumnType<string, string | bigint, string | bigint>
type Time = ColumnType<Date, Date | string, Date | string>
type Json = ColumnType<unknown, string, string>

type EscalationFirings = {
  organisation_id: string
  call_id: string
  trigger: Trigger
  codes: string[]
  consequence: 'record' | 'hold' | 'handover'
  verdict: 'allow' | 'hold' | 'deny'
  enforced: boolean
  agent_id: string
  session_id: string
  action: string
  task: string | null
  log_id: Int8
  seq: Int8
  at: Time
}

type AgentEncounters = {
  organisation_id: string
  agent_id: string
  kind: EncounterKind
  digest: string
  call_id: string
  at: Time
}

type AgentWatches = {
  organisation_id: string
  agent_id: string
  watch: Json
  changed_at: Time
}

export type EscalationTables = {
  'airworthy.escalation_firings': EscalationFirings
  'airworthy.agent_encounters': AgentEncounters
  'airworthy.agent_watches': AgentWatches
}
