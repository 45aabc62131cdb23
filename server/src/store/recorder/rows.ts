// The rows of one batch, and the statements that write them. The bytes of entries and payloads go
// as one binary parameter; the rest as JSON documents: one statement a table, however many rows.
import type { Scope } from './state.ts'

export type EntryRow = { off: number; len: number }
export type PayloadRow = {
  call_id: string
  part: number
  subject: string
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
  rc: string
  rt: string
  rn: string
  effect_id: string | undefined
  repeat_of: string | undefined
  intent_seq: string
  is_final: boolean
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
}

/** A held call that goes on: its row exists. */
export type ResumeRow = {
  call_id: string
  state: string
  code: string | undefined
  reasons: unknown
  rc: string
  rt: string
  rn: string
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

export type BudgetRow = {
  id: string
  settled: string
  reserved: string
  leased: string
  unknown: string
  overrun: string
}

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
  readonly sessions: { id: string; facts: unknown }[]
  readonly budgets: BudgetRow[]
  readonly heads: { agent_id: string; number: string; hash: string }[]
  readonly leases: { budget_id: string; amount: string }[]
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
    sessions: [],
    budgets: [],
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

const hotStatement = {
  name: 'airworthy-record',
  text: `WITH entry AS (
    INSERT INTO airworthy.entries (organisation_id, log_id, seq, entry)
    SELECT $1, $2, $3::bigint + r.n - 1, substring($4::bytea FROM r.off FOR r.len)
    FROM unnest($5::int[], $6::int[]) WITH ORDINALITY AS r(off, len, n)
  ), head AS (
    UPDATE airworthy.logs SET size = $3::bigint + cardinality($5::int[])
    WHERE organisation_id = $1 AND log_id = $2
  ), agent AS (
    INSERT INTO airworthy.agent_heads (organisation_id, log_id, agent_id, number, last_hash)
    SELECT $1, $2, r.agent_id, r.number, decode(r.hash, 'hex')
    FROM json_to_recordset($7::json) AS r(agent_id uuid, number bigint, hash text)
    ON CONFLICT (organisation_id, log_id, agent_id)
    DO UPDATE SET number = excluded.number, last_hash = excluded.last_hash
  ), payload AS (
    INSERT INTO airworthy.payloads (organisation_id, call_id, part, subject_id, sealed)
    SELECT $1, r.call_id, r.part, decode(r.subject, 'hex'),
      substring($4::bytea FROM r.off FOR r.len)
    FROM json_to_recordset($8::json)
      AS r(call_id uuid, part smallint, subject text, off int, len int)
    ON CONFLICT (organisation_id, call_id, part) DO NOTHING
  ), call AS (
    INSERT INTO airworthy.calls (organisation_id, call_id, session_id, agent_id, version_id,
      pact_id, api_key_id, replica_id, kind, action, state, verdict, enforced, code, reasons, reserved_calls,
      reserved_tokens, reserved_nano_usd, effect_id, repeat_of, intent_seq, log_id, created_at,
      settled_at)
    SELECT $1, r.call_id, r.session_id, r.agent_id, r.version_id, r.pact_id, r.api_key_id, $9, r.kind, r.action,
      r.state, r.verdict, r.enforced, r.code, r.reasons, r.rc, r.rt, r.rn, r.effect_id,
      r.repeat_of, r.intent_seq, $2, $10, CASE WHEN r.is_final THEN $10::timestamptz END
    FROM json_to_recordset($11::json) AS r(call_id uuid, session_id uuid, agent_id uuid,
      version_id uuid, pact_id uuid, api_key_id uuid, kind text, action text, state text, verdict text,
      enforced boolean, code text, reasons jsonb, rc bigint, rt bigint, rn bigint, effect_id uuid,
      repeat_of uuid, intent_seq bigint, is_final boolean)
  ), outcome AS (
    UPDATE airworthy.calls c SET state = r.state, code = r.code, prompt_tokens = r.pt,
      cached_tokens = r.ct, completion_tokens = r.ot, cost_nano_usd = r.cost,
      outcome_seq = r.seq, settled_at = $10
    FROM json_to_recordset($12::json) AS r(call_id uuid, state text, code text, pt bigint,
      ct bigint, ot bigint, cost bigint, seq bigint)
    WHERE c.organisation_id = $1 AND c.call_id = r.call_id
  ), budget AS (
    UPDATE airworthy.budgets b SET settled = r.settled, reserved = r.reserved, leased = r.leased,
      unknown = r.unknown, overrun = r.overrun
    FROM json_to_recordset($13::json) AS r(id uuid, settled bigint, reserved bigint,
      leased bigint, unknown bigint, overrun bigint)
    WHERE b.organisation_id = $1 AND b.budget_id = r.id
  )
  UPDATE airworthy.sessions s SET facts = r.facts
  FROM json_to_recordset($14::json) AS r(id uuid, facts jsonb)
  WHERE s.organisation_id = $1 AND s.session_id = r.id`,
}

/** Sends the batch's statements without waiting between them; gives what there is to wait for. */
export function sendRows(
  rows: BatchRows,
  scope: Scope,
  place: { size: bigint; at: string },
): Promise<unknown>[] {
  const { client } = scope
  const waits: Promise<unknown>[] = [
    client.query({
      ...hotStatement,
      values: [
        scope.organisationId,
        scope.logId.toString(),
        place.size.toString(),
        Buffer.concat(rows.chunks, rows.bytes),
        rows.entries.map((row) => row.off),
        rows.entries.map((row) => row.len),
        JSON.stringify(rows.heads),
        JSON.stringify(rows.payloads),
        scope.replicaId,
        place.at,
        JSON.stringify(rows.calls),
        JSON.stringify(rows.outcomes),
        JSON.stringify(rows.budgets),
        JSON.stringify(rows.sessions),
      ],
    }),
  ]
  return [...waits, ...sendRareRows(rows, scope, place.at)]
}

function sendRareRows(rows: BatchRows, scope: Scope, at: string): Promise<unknown>[] {
  const { client, organisationId } = scope
  const waits: Promise<unknown>[] = []
  const send = (text: string, records: readonly unknown[], ...more: unknown[]): void => {
    if (records.length === 0) return
    waits.push(client.query(text, [organisationId, JSON.stringify(records), ...more]))
  }
  // Changes first: an effect that is no longer live makes room for the one that is inserted.
  send(changeEffects, rows.effectChanges, at)
  send(insertEffects, rows.effects, at)
  send(insertHolds, rows.holds, at)
  send(changeHolds, rows.holdChanges)
  send(resumeCalls, rows.resumes, scope.replicaId)
  send(upsertLeases, rows.leases, scope.replicaId)
  return waits
}

const changeEffects = `UPDATE airworthy.effects e SET state = r.state, is_live = r.is_live,
    settled_at = CASE WHEN r.state <> 'executing' THEN $3::timestamptz END,
    dispatched_at = CASE WHEN r.state = 'executing' THEN $3::timestamptz ELSE e.dispatched_at END
  FROM json_to_recordset($2::json) AS r(effect_id uuid, state text, is_live boolean)
  WHERE e.organisation_id = $1 AND e.effect_id = r.effect_id`

const insertEffects = `INSERT INTO airworthy.effects (organisation_id, effect_id, call_id,
    session_id, agent_id, action, effect_class, effect_key, args_hash, state, amount_minor,
    currency, is_live, expires_at, created_at, dispatched_at)
  SELECT $1, r.effect_id, r.call_id, r.session_id, r.agent_id, r.action, r.effect_class,
    r.effect_key, r.args_hash, r.state, r.amount_minor, r.currency, true,
    to_timestamp(r.expires_ms / 1000.0), $3,
    CASE WHEN r.state = 'executing' THEN $3::timestamptz END
  FROM json_to_recordset($2::json) AS r(effect_id uuid, call_id uuid, session_id uuid,
    agent_id uuid, action text, effect_class text, effect_key text, args_hash text, state text,
    amount_minor bigint, currency text, expires_ms bigint)`

const insertHolds = `INSERT INTO airworthy.holds (organisation_id, hold_id, call_id, session_id,
    agent_id, pact_id, action, args_hash, schema_hash, state, created_at, expires_at)
  SELECT $1, r.hold_id, r.call_id, r.session_id, r.agent_id, r.pact_id, r.action, r.args_hash,
    r.schema_hash, 'pending', $3, to_timestamp(r.until_ms / 1000.0)
  FROM json_to_recordset($2::json) AS r(hold_id uuid, call_id uuid, session_id uuid,
    agent_id uuid, pact_id uuid, action text, args_hash text, schema_hash text, until_ms bigint)`

const changeHolds = `UPDATE airworthy.holds h SET state = r.state
  FROM json_to_recordset($2::json) AS r(hold_id uuid, state text)
  WHERE h.organisation_id = $1 AND h.hold_id = r.hold_id`

const resumeCalls = `UPDATE airworthy.calls c SET state = r.state, code = r.code,
    reasons = r.reasons, reserved_calls = r.rc, reserved_tokens = r.rt, reserved_nano_usd = r.rn,
    pact_id = r.pact_id, intent_seq = r.seq, replica_id = $3
  FROM json_to_recordset($2::json) AS r(call_id uuid, state text, code text, reasons jsonb,
    rc bigint, rt bigint, rn bigint, pact_id uuid, seq bigint)
  WHERE c.organisation_id = $1 AND c.call_id = r.call_id`

const upsertLeases = `INSERT INTO airworthy.leases (organisation_id, replica_id, budget_id, amount)
  SELECT $1, $3, r.budget_id, r.amount
  FROM json_to_recordset($2::json) AS r(budget_id uuid, amount bigint)
  ON CONFLICT (organisation_id, replica_id, budget_id) DO UPDATE SET amount = excluded.amount`
