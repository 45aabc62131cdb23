// Calls as they are written, twice and not changed in between, as kysely sees them.
import type { ColumnType, Generated } from 'kysely'

type Int8 = ColumnType<string, string | bigint | number, string | bigint | number>
type Time = ColumnType<Date, Date | string, Date | string>
/** In the order of `budgetUnits`; rows of earlier releases have the first three. */
type Units = ColumnType<string[], string, string>

type CallFlows = { organisation_id: string; call_id: string; flow: 'read' | 'write' }

type CallIntents = {
  organisation_id: string
  call_id: string
  session_id: string
  agent_id: string
  version_id: string
  pact_id: string
  api_key_id: string
  replica_id: string
  kind: string
  action: string
  state: string
  verdict: string
  enforced: boolean
  code: string | null
  reasons: ColumnType<unknown, string | null, string | null>
  reserved: Units
  effect_id: string | null
  repeat_of: string | null
  intent_seq: Int8 | null
  log_id: Int8
  created_at: Time
  ledgers: Generated<string[] | null>
}

type CallOutcomes = {
  organisation_id: string
  call_id: string
  state: string
  code: string | null
  prompt_tokens: Int8 | null
  cached_tokens: Int8 | null
  completion_tokens: Int8 | null
  cost_nano_usd: Int8 | null
  outcome_seq: Int8 | null
  settled_at: Time
  /** Of the outcome that was unknown, once it is found out. */
  unknown_seq: ColumnType<string | null, string | null | undefined, string | null>
  detail: ColumnType<unknown, string | null | undefined, string | null>
}

/** A view: an intent with its outcome, if there is one. */
type Calls = Omit<CallIntents, 'reserved'> &
  Omit<CallOutcomes, 'settled_at' | 'unknown_seq'> & { reserved: Units; settled_at: Time | null }

type CallChecks = { organisation_id: string; call_id: string; checks: unknown }

type CallOrigins = {
  organisation_id: string
  call_id: string
  /** Argument to list of origins. */
  origins: ColumnType<Record<string, string[]>, string, string>
}

export type CallTables = {
  'airworthy.call_intents': CallIntents
  'airworthy.call_outcomes': CallOutcomes
  'airworthy.calls': Calls
  'airworthy.call_flows': CallFlows
  'airworthy.call_checks': CallChecks
  'airworthy.call_origins': CallOrigins
}
