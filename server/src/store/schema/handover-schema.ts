// Sessions that are with a person, as kysely sees them.
import type { ColumnType } from 'kysely'
import type { Audience, HandoverState } from '../../core/handover/handover.ts'

type Time = ColumnType<Date, Date | string, Date | string>

type Handovers = {
  organisation_id: string
  handover_id: string
  session_id: string
  agent_id: string
  cause: string
  call_id: string | null
  handed_by: string | null
  reason: ColumnType<string, string | undefined, string>
  reason_salt: Buffer | null
  state: ColumnType<HandoverState, HandoverState | undefined, HandoverState>
  version: ColumnType<number, number | undefined, number>
  taken_by: string | null
  opened_at: Time
  taken_at: Time | null
  ended_at: Time | null
  ended_by: string | null
}

type HandoverMessages = {
  organisation_id: string
  message_id: string
  handover_id: string
  number: number
  audience: Audience
  operator_id: string
  written_at: Time
}

type HandoverCalls = {
  organisation_id: string
  call_id: string
  handover_id: string
  operator_id: string
}

export type HandoverTables = {
  'airworthy.handovers': Handovers
  'airworthy.handover_messages': HandoverMessages
  'airworthy.handover_calls': HandoverCalls
}
