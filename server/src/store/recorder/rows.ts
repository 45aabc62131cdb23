// The rows of one batch.

export type EntryRow = { off: number; len: number }
export type PayloadRow = {
  call_id: string
  part: number
  subject: number
  off: number
  len: number
}

export type CallRow = {
  call_id: string
  session_id: string
  agent_id: string
  version_id: string
  pact_id: string
  api_key_id: string
  kind: string
  action: string
  state: string
  verdict: string
  enforced: boolean
  code: string | undefined
  reasons: unknown
  /** An array literal: {calls, tokens, nano-USD}. */
  reserved: string
  effect_id: string | undefined
  repeat_of: string | undefined
  intent_seq: string
}

export type OutcomeRow = {
  call_id: string
  state: string
  code: string | undefined
  pt: number | undefined
  ct: number | undefined
  ot: number | undefined
  cost: string | undefined
  seq: string
  /** The call was unknown, so it has an outcome already. */
  isResolution: boolean
}

/** A held call that goes on: its row exists. */
export type ResumeRow = {
  call_id: string
  state: string
  code: string | undefined
  reasons: unknown
  reserved: string
  pact_id: string
  seq: string
}

export type EffectRow = {
  effect_id: string
  call_id: string
  session_id: string
  agent_id: string
  action: string
  effect_class: string
  effect_key: string
  args_hash: string
  state: string
  amount_minor: string | undefined
  currency: string | undefined
  expires_ms: number | undefined
}

export type EffectChange = { effect_id: string; state: string; is_live: boolean }

export type HoldRow = {
  hold_id: string
  call_id: string
  session_id: string
  agent_id: string
  pact_id: string
  action: string
  args_hash: string
  schema_hash: string
  until_ms: number
}

/** `amounts` is one array literal: settled, reserved, leased, unknown and overrun, three each. */
export type LedgerRow = { id: string; facts: unknown; amounts: string }

export type BatchRows = {
  readonly chunks: Buffer[]
  bytes: number
  readonly entries: EntryRow[]
  readonly payloads: PayloadRow[]
  readonly calls: CallRow[]
  readonly outcomes: OutcomeRow[]
  readonly resumes: ResumeRow[]
  readonly effects: EffectRow[]
  readonly effectChanges: EffectChange[]
  readonly holds: HoldRow[]
  readonly holdChanges: { hold_id: string; state: string }[]
  readonly ledgers: LedgerRow[]
  readonly heads: { agent_id: string; number: string; hash: string }[]
  readonly leases: { scope_id: string; amounts: string }[]
}

export function createRows(): BatchRows {
  return {
    chunks: [],
    bytes: 0,
    entries: [],
    payloads: [],
    calls: [],
    outcomes: [],
    resumes: [],
    effects: [],
    effectChanges: [],
    holds: [],
    holdChanges: [],
    ledgers: [],
    heads: [],
    leases: [],
  }
}

export function addBytes(rows: BatchRows, bytes: Buffer): { off: number; len: number } {
  // substring() of bytea counts from 1.
  const place = { off: rows.bytes + 1, len: bytes.length }
  rows.chunks.push(bytes)
  rows.bytes += bytes.length
  return place
}
