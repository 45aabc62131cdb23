// The tables of the migrations as kysely sees them. An int8 is read as a decimal string: it may
// pass 2^53, and money must not be rounded.
import type { ColumnType, Generated } from 'kysely'
import type { Role } from '../../core/identity/roles.ts'
import type { ModelApi } from '../../core/wires/model-api.ts'
import type { BudgetTables } from './budget-schema.ts'
import type { Checkpoints, WitnessedLogs } from './schema-log.ts'
import type { ApprovalTables } from './approval-schema.ts'
import type { AuditTables } from './audit-schema.ts'
import type { CacheTables } from './cache-schema.ts'
import type { CallTables } from './calls-schema.ts'
import type { ChannelTables } from './channel-schema.ts'
import type { RoutedCalls } from './routing-schema.ts'
import type { EscalationTables } from './escalation-schema.ts'
import type { HandoverTables } from './handover-schema.ts'
import type { IdentityTables } from './identity-schema.ts'
import type { KillTables } from './kill-schema.ts'
import type { LoadTables } from './load-schema.ts'
import type { MoneyTables } from './money-schema.ts'
import type { PeopleTables } from './people-schema.ts'
import type { PricesTables } from './prices-schema.ts'
import type { RunTables } from './runs-schema.ts'

type Int8 = ColumnType<string, string | bigint | number, string | bigint | number>
type Int8Default = ColumnType<
  string,
  string | bigint | number | undefined,
  string | bigint | number
>
type Time = ColumnType<Date, Date | string, Date | string>
type TimeDefault = ColumnType<Date, Date | string | undefined, Date | string>
/** Read as parsed JSON of unknown shape, written as JSON text. */
type Json = ColumnType<unknown, string, string>
type JsonDefault = ColumnType<unknown, string | undefined, string>

type Organisations = { organisation_id: string; name: string; created_at: TimeDefault }

type Operators = {
  organisation_id: string
  operator_id: string
  name: string
  role: Role
  key_hash: Buffer
  teams: ColumnType<string[], string[] | undefined, string[]>
  added_by: ColumnType<string | null, string | null | undefined, string | null>
  person_id: ColumnType<string | null, string | null | undefined, string | null>
  created_at: TimeDefault
  revoked_at: Time | null
}

type Agents = {
  organisation_id: string
  agent_id: string
  name: string
  owner: string
  stakes: 'low' | 'medium' | 'high'
  version_id: string
  pact_id: string
  created_at: TimeDefault
}

type AgentVersions = {
  organisation_id: string
  version_id: string
  agent_id: string
  number: number
  fingerprint: string
  components: Json
  created_at: TimeDefault
}

type Pacts = {
  organisation_id: string
  pact_id: string
  agent_id: string
  version_id: string
  number: number
  hash: string
  manifest: string
  tool_schemas: Json
  created_at: TimeDefault
}

type ApiKeys = {
  organisation_id: string
  api_key_id: string
  agent_id: string
  prefix: string
  key_hash: Buffer
  thumbprint: string | null
  scopes: Generated<string[]>
  created_at: TimeDefault
  expires_at: Time | null
  revoked_at: Time | null
}

type Sessions = {
  organisation_id: string
  session_id: string
  agent_id: string
  version_id: string
  pact_id: string
  api_key_id: string | null
  key_hash: Buffer | null
  task: string
  end_user: string
  mode: 'enforce' | 'observe'
  state: Generated<'open' | 'handed_over' | 'closed'>
  model_base_url: string | null
  opened_by: string | null
  opened_at: TimeDefault
  closed_at: Time | null
  scope: JsonDefault
}

type Effects = {
  organisation_id: string
  effect_id: string
  call_id: string
  session_id: string
  agent_id: string
  action: string
  effect_class: string
  effect_key: string
  args_hash: string
  state: string
  amount_minor: Int8 | null
  currency: string | null
  is_live: boolean
  expires_at: Time | null
  created_at: Time
  dispatched_at: Time | null
  settled_at: Time | null
  touches: string[] | null
  undo_call_id: string | null
}

type Proofs = {
  organisation_id: string
  proof_id: string
  agent_name: string
  tool: string
  contract_hash: string
  tool_hash: string
  state: 'running' | 'proved' | 'disproved'
  reason: string | null
  samples: number
  operator_id: string
  started_at: Time
  ended_at: Time | null
}

type Holds = {
  organisation_id: string
  hold_id: string
  call_id: string
  session_id: string
  agent_id: string
  pact_id: string
  action: string
  args_hash: string
  schema_hash: string
  state: string
  created_at: Time
  expires_at: Time
  decided_at: Time | null
  intent_seq: ColumnType<string | null, string | null | undefined, string | null>
  wire: ColumnType<ModelApi | null, ModelApi | null | undefined, ModelApi | null>
  round: Generated<number>
  level: Generated<number>
  /** The `ApprovalPolicy`; null where one approval of anybody is enough. */
  policy: ColumnType<unknown, string | null | undefined, string | null>
  /** The `HoldFacts`; null in rows of earlier releases. */
  facts: ColumnType<unknown, string | null | undefined, string | null>
  facts_hash: ColumnType<string | null, string | null | undefined, string | null>
  effect_seen: ColumnType<string | null, string | null | undefined, string | null>
  level_until: ColumnType<Date | null, Date | null | undefined, Date | null>
  /** The end of the level or of the hold, which comes first. */
  next_at: ColumnType<Date, never, never>
  author_id: ColumnType<string | null, string | null | undefined, string | null>
  replaces_hold: ColumnType<string | null, string | null | undefined, string | null>
  replaced_by: ColumnType<string | null, string | null | undefined, string | null>
  edit_reason: ColumnType<string | null, string | null | undefined, string | null>
  edit_salt: ColumnType<Buffer | null, Buffer | null | undefined, Buffer | null>
  approved_round: ColumnType<number | null, number | null | undefined, number | null>
}

type Votes = {
  organisation_id: string
  hold_id: string
  operator_id: string
  vote: 'approve' | 'reject'
  reason: string
  /** Null in rows of earlier releases. */
  reason_salt: Buffer | null
  cast_at: Time
  round: Generated<number>
  level: Generated<number>
  levels: ColumnType<number[], number[] | undefined, number[]>
  statement: ColumnType<string | null, string | null | undefined, string | null>
  signature: ColumnType<Buffer | null, Buffer | null | undefined, Buffer | null>
  thumbprint: ColumnType<string | null, string | null | undefined, string | null>
  nonce: ColumnType<string | null, string | null | undefined, string | null>
}

type Logs = {
  organisation_id: string
  log_id: Int8
  name: string
  size: Int8Default
  is_open: Generated<boolean>
  /** The name in addresses, such as `2026`. Null until the log is first published. */
  shard: string | null
  origin: string | null
  /** The vkeys that its checkpoints are signed with. */
  log_key: string | null
  mirror_key: string | null
  opened_at: TimeDefault
  closed_at: Time | null
}

type AgentHeads = {
  organisation_id: string
  log_id: Int8
  agent_id: string
  number: Int8
  last_hash: Buffer
}

type Entries = { organisation_id: string; log_id: Int8; seq: Int8; entry: Buffer }

type SubjectKeys = {
  organisation_id: string
  subject_id: Buffer
  wrapped_key: Buffer
  created_at: TimeDefault
  destroyed_at: Time | null
}

type Payloads = {
  organisation_id: string
  call_id: string
  part: number
  subject_id: Buffer
  sealed: Buffer
}

type Spans = {
  organisation_id: string
  span_id: string
  call_id: string
  name: string
  started_at: Time
  ended_at: Time
  attributes: Json
}

type ValueOrigins = {
  organisation_id: string
  session_id: string
  source: string
  origins: string[]
  digests: Buffer
  is_everything: boolean
}

export type Schema = ApprovalTables &
  AuditTables &
  BudgetTables &
  CacheTables &
  CallTables &
  ChannelTables &
  EscalationTables &
  HandoverTables &
  KillTables &
  MoneyTables &
  LoadTables &
  PeopleTables &
  PricesTables &
  RunTables &
  IdentityTables & {
    'airworthy.organisations': Organisations
    'airworthy.operators': Operators
    'airworthy.agents': Agents
    'airworthy.agent_versions': AgentVersions
    'airworthy.pacts': Pacts
    'airworthy.api_keys': ApiKeys
    'airworthy.sessions': Sessions
    'airworthy.effects': Effects
    'airworthy.proofs': Proofs
    'airworthy.holds': Holds
    'airworthy.votes': Votes
    'airworthy.logs': Logs
    'airworthy.checkpoints': Checkpoints
    'airworthy.witnessed_logs': WitnessedLogs
    'airworthy.agent_heads': AgentHeads
    'airworthy.entries': Entries
    'airworthy.subject_keys': SubjectKeys
    'airworthy.payloads': Payloads
    'airworthy.spans': Spans
    'airworthy.value_origins': ValueOrigins
    'airworthy.routed_calls': RoutedCalls
  }
