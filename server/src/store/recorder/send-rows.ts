// The statement that writes what every batch has. The bytes of entries and payloads go as one
// binary parameter, the rest as arrays: one statement, however many rows.
import { rareStatements } from './rare-rows.ts'
import type { BatchRows, Column } from './rows.ts'
import type { Scope } from './state.ts'
import type { Bound, Statement } from './statements.ts'

// A head that is not where the batch was decided breaks the check that a size is not negative, and
// with it the whole batch. It goes first: its row's lock orders all writers of the log.
const moveHead: Statement = {
  name: 'airworthy-head',
  text: `UPDATE airworthy.logs
    SET size = CASE WHEN is_open AND size = $3::bigint THEN size + $4::bigint ELSE -1 END
    WHERE organisation_id = $1 AND log_id = $2
    RETURNING to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
}

// Every row is found by its primary key, whatever the planner believes of the tables' sizes: a
// batch costs the same when they have grown. Ledgers are looked up one by one, then updated in
// place; an upsert would lock each row first, and write that to the WAL as well.
const hotStatement: Statement = {
  name: 'airworthy-record',
  text: `WITH entry AS (
    INSERT INTO airworthy.entries (organisation_id, log_id, seq, entry)
    SELECT $1, $2, $3::bigint + r.n - 1, substring($4::bytea FROM r.off FOR r.len)
    FROM unnest($5::int[], $6::int[]) WITH ORDINALITY AS r(off, len, n)
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
      reasons, reserved, effect_id, repeat_of, intent_seq, log_id, created_at, ledgers)
    SELECT $1, r.call_id, r.session_id, r.agent_id, r.version_id, r.pact_id, r.api_key_id, $15,
      r.kind, r.action, r.state, r.verdict, r.enforced, r.code, r.reasons::json,
      r.reserved::bigint[], r.effect_id, r.repeat_of, r.intent_seq, $2, $16::timestamptz,
      r.ledgers::uuid[]
    FROM unnest($17::uuid[], $18::uuid[], $19::uuid[], $20::uuid[], $21::uuid[], $22::uuid[],
        $23::text[], $24::text[], $25::text[], $26::text[], $27::boolean[], $28::text[],
        $29::text[], $30::text[], $31::uuid[], $32::uuid[], $33::bigint[], $45::text[])
      AS r(call_id, session_id, agent_id, version_id, pact_id, api_key_id, kind, action, state,
        verdict, enforced, code, reasons, reserved, effect_id, repeat_of, intent_seq, ledgers)
  ), outcome AS (
    INSERT INTO airworthy.call_outcomes (organisation_id, call_id, state, code, prompt_tokens,
      cached_tokens, completion_tokens, cost_nano_usd, outcome_seq, settled_at, detail)
    SELECT $1, r.call_id, r.state, r.code, r.pt, r.ct, r.ot, r.cost, r.seq, $16::timestamptz,
      r.detail::json
    FROM unnest($34::uuid[], $35::text[], $36::text[], $37::bigint[], $38::bigint[],
        $39::bigint[], $40::bigint[], $41::bigint[], $46::text[])
      AS r(call_id, state, code, pt, ct, ot, cost, seq, detail)
  )
  UPDATE airworthy.ledgers l SET facts = r.facts::json, settled = r.amounts[1:5],
    reserved = r.amounts[6:10], leased = r.amounts[11:15], unknown = r.amounts[16:20],
    overrun = r.amounts[21:25]
  FROM (SELECT u.facts, u.amounts::bigint[] AS amounts, (SELECT k.ctid FROM airworthy.ledgers k
      WHERE k.organisation_id = $1 AND k.scope_id = u.scope_id) AS place
    FROM unnest($42::uuid[], $43::text[], $44::text[]) AS u(scope_id, facts, amounts)
    OFFSET 0) AS r
  WHERE l.ctid = r.place`,
}

/**
 * What writes the batch: first the statement that takes the head's lock and answers with the
 * database's clock, then the rows.
 */
export function batchStatements(
  rows: BatchRows,
  scope: Scope,
  place: { size: bigint; nextSize: bigint; at: string },
): Bound[] {
  const { organisationId } = scope
  const logId = scope.logId.toString()
  const size = place.size.toString()
  const grown = (place.nextSize - place.size).toString()
  const head = { statement: moveHead, values: [organisationId, logId, size, grown] }
  const rare = rareStatements(rows, scope, place.at)
  if (rows.entries.off.count === 0) return [head, ...rare]
  const { entries, heads, payloads, calls, outcomes, ledgers } = rows
  const values = [
    organisationId,
    logId,
    size,
    Buffer.concat(rows.chunks, rows.bytes),
    list(entries.off),
    list(entries.len),
    list(heads.agentId),
    list(heads.number),
    list(heads.hash),
    list(payloads.callId),
    list(payloads.part),
    list(payloads.subject),
    list(payloads.off),
    list(payloads.len),
    scope.replicaId,
    place.at,
    list(calls.callId),
    list(calls.sessionId),
    list(calls.agentId),
    list(calls.versionId),
    list(calls.pactId),
    list(calls.apiKeyId),
    list(calls.kind),
    list(calls.action),
    list(calls.state),
    list(calls.verdict),
    list(calls.enforced),
    list(calls.code),
    list(calls.reasons),
    list(calls.reserved),
    list(calls.effectId),
    list(calls.repeatOf),
    list(calls.seq),
    list(outcomes.callId),
    list(outcomes.state),
    list(outcomes.code),
    list(outcomes.promptTokens),
    list(outcomes.cachedTokens),
    list(outcomes.completionTokens),
    list(outcomes.cost),
    list(outcomes.seq),
    list(ledgers.id),
    list(ledgers.facts),
    list(ledgers.amounts),
    list(calls.ledgers),
    list(outcomes.detail),
  ]
  return [head, { statement: hotStatement, values }, ...rare]
}

function list(column: Column): string {
  return `{${column.text}}`
}
