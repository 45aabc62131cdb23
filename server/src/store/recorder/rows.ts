// The rows of one batch, and the statements that write them. The bytes of entries and payloads go
// as one binary parameter; the rest as JSON documents: one statement a table, however many rows.
import type { Scope } from './state.ts'

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

// A head that is not where the batch was decided breaks the check that a size is not negative, and
// with it the whole batch. Every row is found by its primary key, whatever the planner believes of the tables' sizes: a
// batch costs the same when they have grown. Ledgers are looked up one by one, then updated in
// place; an upsert would lock each row first, and write that to the WAL as well.
const hotStatement = {
  name: 'airworthy-record',
  text: `WITH entry AS (
    INSERT INTO airworthy.entries (organisation_id, log_id, seq, entry)
    SELECT $1, $2, $3::bigint + r.n - 1, substring($4::bytea FROM r.off FOR r.len)
    FROM unnest($5::int[], $6::int[]) WITH ORDINALITY AS r(off, len, n)
  ), head AS (
    UPDATE airworthy.logs
    SET size = CASE WHEN size = $3::bigint THEN $3::bigint + cardinality($5::int[]) ELSE -1 END
    WHERE organisation_id = $1 AND log_id = $2
  ), agent AS (
    INSERT INTO airworthy.agent_heads (organisation_id, log_id, agent_id, number, last_hash)
    SELECT $1, $2, r.agent_id, r.number, decode(r.hash, 'hex')
    FROM unnest($7::uuid[], $8::bigint[], $9::text[]) AS r(agent_id, number, hash)
    ON CONFLICT (organisation_id, log_id, agent_id)
    DO UPDATE SET number = excluded.number, last_hash = excluded.last_hash
  ), payload AS (
    INSERT INTO airworthy.payloads (organisation_id, call_id, part, subject_id, sealed)
    SELECT $1, r.call_id, r.part, substring($4::bytea FROM r.subject FOR 32),
      substring($4::bytea FROM r.off FOR r.len)
    FROM unnest($10::uuid[], $11::smallint[], $12::int[], $13::int[], $14::int[])
      AS r(call_id, part, subject, off, len)
  ), intent AS (
    INSERT INTO airworthy.call_intents (organisation_id, call_id, session_id, agent_id,
      version_id, pact_id, api_key_id, replica_id, kind, action, state, verdict, enforced, code,
      reasons, reserved, effect_id, repeat_of, intent_seq, log_id, created_at)
    SELECT $1, r.call_id, r.session_id, r.agent_id, r.version_id, r.pact_id, r.api_key_id, $15,
      r.kind, r.action, r.state, r.verdict, r.enforced, r.code, r.reasons::json,
      r.reserved::bigint[], r.effect_id, r.repeat_of, r.intent_seq, $2, $16::timestamptz
    FROM unnest($17::uuid[], $18::uuid[], $19::uuid[], $20::uuid[], $21::uuid[], $22::uuid[],
        $23::text[], $24::text[], $25::text[], $26::text[], $27::boolean[], $28::text[],
        $29::text[], $30::text[], $31::uuid[], $32::uuid[], $33::bigint[])
      AS r(call_id, session_id, agent_id, version_id, pact_id, api_key_id, kind, action, state,
        verdict, enforced, code, reasons, reserved, effect_id, repeat_of, intent_seq)
  ), outcome AS (
    INSERT INTO airworthy.call_outcomes (organisation_id, call_id, state, code, prompt_tokens,
      cached_tokens, completion_tokens, cost_nano_usd, outcome_seq, settled_at)
    SELECT $1, r.call_id, r.state, r.code, r.pt, r.ct, r.ot, r.cost, r.seq, $16::timestamptz
    FROM unnest($34::uuid[], $35::text[], $36::text[], $37::bigint[], $38::bigint[],
        $39::bigint[], $40::bigint[], $41::bigint[])
      AS r(call_id, state, code, pt, ct, ot, cost, seq)
  )
  UPDATE airworthy.ledgers l SET facts = r.facts::json, settled = r.amounts[1:3],
    reserved = r.amounts[4:6], leased = r.amounts[7:9], unknown = r.amounts[10:12],
    overrun = r.amounts[13:15]
  FROM (SELECT u.facts, u.amounts::bigint[] AS amounts, (SELECT k.ctid FROM airworthy.ledgers k
      WHERE k.organisation_id = $1 AND k.scope_id = u.scope_id) AS place
    FROM unnest($42::uuid[], $43::text[], $44::text[]) AS u(scope_id, facts, amounts)
    OFFSET 0) AS r
  WHERE l.ctid = r.place`,
}

/** Sends the batch's statements without waiting between them; gives what there is to wait for. */
export function sendRows(
  rows: BatchRows,
  scope: Scope,
  place: { size: bigint; at: string },
): Promise<unknown>[] {
  const { client } = scope
  const { entries, heads, payloads, calls, ledgers } = rows
  const outcomes = rows.outcomes.filter((row) => !row.isResolution)
  const hot = client.query({
    ...hotStatement,
    values: [
      scope.organisationId,
      scope.logId.toString(),
      place.size.toString(),
      Buffer.concat(rows.chunks, rows.bytes),
      plain(entries, (row) => row.off),
      plain(entries, (row) => row.len),
      plain(heads, (row) => row.agent_id),
      plain(heads, (row) => row.number),
      plain(heads, (row) => row.hash),
      plain(payloads, (row) => row.call_id),
      plain(payloads, (row) => row.part),
      plain(payloads, (row) => row.subject),
      plain(payloads, (row) => row.off),
      plain(payloads, (row) => row.len),
      scope.replicaId,
      place.at,
      plain(calls, (row) => row.call_id),
      plain(calls, (row) => row.session_id),
      plain(calls, (row) => row.agent_id),
      plain(calls, (row) => row.version_id),
      plain(calls, (row) => row.pact_id),
      plain(calls, (row) => row.api_key_id),
      plain(calls, (row) => row.kind),
      quoted(calls, (row) => row.action),
      plain(calls, (row) => row.state),
      plain(calls, (row) => row.verdict),
      plain(calls, (row) => row.enforced),
      plain(calls, (row) => row.code),
      quoted(calls, (row) => JSON.stringify(row.reasons)),
      quoted(calls, (row) => row.reserved),
      plain(calls, (row) => row.effect_id),
      plain(calls, (row) => row.repeat_of),
      plain(calls, (row) => row.intent_seq),
      plain(outcomes, (row) => row.call_id),
      plain(outcomes, (row) => row.state),
      plain(outcomes, (row) => row.code),
      plain(outcomes, (row) => row.pt),
      plain(outcomes, (row) => row.ct),
      plain(outcomes, (row) => row.ot),
      plain(outcomes, (row) => row.cost),
      plain(outcomes, (row) => row.seq),
      plain(ledgers, (row) => row.id),
      quoted(ledgers, (row) => JSON.stringify(row.facts)),
      quoted(ledgers, (row) => row.amounts),
    ],
  })
  return [hot, ...sendRareRows(rows, scope, place.at)]
}

/** An array literal of values that need no quotes: ids, numbers, and words of our own. */
function plain<Row>(
  rows: readonly Row[],
  valueOf: (row: Row) => string | number | boolean | undefined,
): string {
  return `{${rows.map((row) => valueOf(row) ?? 'NULL').join(',')}}`
}

/** An array literal of any text. */
function quoted<Row>(rows: readonly Row[], valueOf: (row: Row) => string): string {
  return `{${rows.map((row) => `"${escape(valueOf(row))}"`).join(',')}}`
}

function escape(text: string): string {
  const slashed = text.includes('\\') ? text.replaceAll('\\', '\\\\') : text
  return slashed.includes('"') ? slashed.replaceAll('"', '\\"') : slashed
}

type Rare = { readonly name: string; readonly text: string }

/** What tool calls and holds write: a statement a row, each found by its key. */
function sendRareRows(rows: BatchRows, scope: Scope, at: string): Promise<unknown>[] {
  const { client, organisationId } = scope
  const waits: Promise<unknown>[] = []
  const send = (statement: Rare, values: unknown[]): void => {
    waits.push(client.query({ ...statement, values: [organisationId, ...values] }))
  }
  // Changes first: an effect that is no longer live makes room for the one that is inserted.
  for (const row of rows.effectChanges) {
    send(changeEffect, [row.effect_id, row.state, row.is_live, at])
  }
  for (const row of rows.effects) send(insertEffect, [JSON.stringify(row), at])
  for (const row of rows.holds) send(insertHold, [JSON.stringify(row), at])
  for (const row of rows.holdChanges) send(changeHold, [row.hold_id, row.state])
  for (const row of rows.resumes) send(resumeCall, [JSON.stringify(row), scope.replicaId])
  for (const row of rows.outcomes) {
    if (row.isResolution) send(resolveOutcome, [JSON.stringify(row), at])
  }
  for (const row of rows.leases) send(upsertLease, [scope.replicaId, row.scope_id, row.amounts])
  return waits
}

const changeEffect: Rare = {
  name: 'airworthy-change-effect',
  text: `UPDATE airworthy.effects SET state = $3, is_live = $4,
    settled_at = CASE WHEN $3 <> 'executing' THEN $5::timestamptz END,
    dispatched_at = CASE WHEN $3 = 'executing' THEN $5::timestamptz ELSE dispatched_at END
  WHERE organisation_id = $1 AND effect_id = $2`,
}

const insertEffect: Rare = {
  name: 'airworthy-insert-effect',
  text: `INSERT INTO airworthy.effects (organisation_id, effect_id, call_id,
    session_id, agent_id, action, effect_class, effect_key, args_hash, state, amount_minor,
    currency, is_live, expires_at, created_at, dispatched_at)
  SELECT $1, r.effect_id, r.call_id, r.session_id, r.agent_id, r.action, r.effect_class,
    r.effect_key, r.args_hash, r.state, r.amount_minor, r.currency, true,
    to_timestamp(r.expires_ms / 1000.0), $3,
    CASE WHEN r.state = 'executing' THEN $3::timestamptz END
  FROM json_to_record($2::json) AS r(effect_id uuid, call_id uuid, session_id uuid,
    agent_id uuid, action text, effect_class text, effect_key text, args_hash text, state text,
    amount_minor bigint, currency text, expires_ms bigint)`,
}

const insertHold: Rare = {
  name: 'airworthy-insert-hold',
  text: `INSERT INTO airworthy.holds (organisation_id, hold_id, call_id, session_id,
    agent_id, pact_id, action, args_hash, schema_hash, state, created_at, expires_at)
  SELECT $1, r.hold_id, r.call_id, r.session_id, r.agent_id, r.pact_id, r.action, r.args_hash,
    r.schema_hash, 'pending', $3, to_timestamp(r.until_ms / 1000.0)
  FROM json_to_record($2::json) AS r(hold_id uuid, call_id uuid, session_id uuid,
    agent_id uuid, pact_id uuid, action text, args_hash text, schema_hash text, until_ms bigint)`,
}

const changeHold: Rare = {
  name: 'airworthy-change-hold',
  text: `UPDATE airworthy.holds SET state = $3 WHERE organisation_id = $1 AND hold_id = $2`,
}

const resumeCall: Rare = {
  name: 'airworthy-resume-call',
  text: `UPDATE airworthy.call_intents c SET state = r.state, code = r.code, reasons = r.reasons,
    reserved = r.reserved, pact_id = r.pact_id, intent_seq = r.seq, replica_id = $3
  FROM json_to_record($2::json) AS r(call_id uuid, state text, code text, reasons json,
    reserved bigint[], pact_id uuid, seq bigint)
  WHERE c.organisation_id = $1 AND c.call_id = r.call_id`,
}

const upsertLease: Rare = {
  name: 'airworthy-upsert-lease',
  text: `INSERT INTO airworthy.leases (organisation_id, replica_id, scope_id, amounts)
  VALUES ($1, $2, $3, $4::bigint[])
  ON CONFLICT (organisation_id, replica_id, scope_id) DO UPDATE SET amounts = excluded.amounts`,
}

const resolveOutcome: Rare = {
  name: 'airworthy-resolve-outcome',
  text: `UPDATE airworthy.call_outcomes c SET state = r.state, code = r.code,
    prompt_tokens = r.pt, cached_tokens = r.ct, completion_tokens = r.ot, cost_nano_usd = r.cost,
    outcome_seq = r.seq, settled_at = $3
  FROM json_to_record($2::json) AS r(call_id uuid, state text, code text, pt bigint, ct bigint,
    ot bigint, cost bigint, seq bigint)
  WHERE c.organisation_id = $1 AND c.call_id = r.call_id`,
}
