// The statement that writes what every batch has. The bytes of entries and payloads go as one
// binary parameter, the rest as arrays: one statement, however many rows.
import { sendRareRows } from './rare-rows.ts'
import type { BatchRows } from './rows.ts'
import type { Scope } from './state.ts'

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
