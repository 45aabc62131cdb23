// What tool calls and holds write beside their rows of the hot statement: a statement a row, each
// found by its key.
import type { BatchRows } from './rows.ts'
import type { Scope } from './state.ts'

type Rare = { readonly name: string; readonly text: string }

/** Sends them without waiting between them; gives what there is to wait for. */
export function sendRareRows(rows: BatchRows, scope: Scope, at: string): Promise<unknown>[] {
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
