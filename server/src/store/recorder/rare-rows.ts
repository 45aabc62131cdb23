// What tool calls and holds write beside their rows of the hot statement: a statement a row, each
// found by its key.
import type { BatchRows } from './rows.ts'
import { runStatements } from './run-rows.ts'
import type { Scope } from './state.ts'
import { asValue, type Bound, type Statement } from './statements.ts'
import { escalationStatements } from './escalation-rows.ts'
import { taintStatements } from './taint-rows.ts'
import { insertAlert } from './alert-rows.ts'
import { changeHold, closeReplaced, insertHold, reopenHold } from './hold-rows.ts'
import { handoverStatements } from './handover-rows.ts'
import { moneyStatements } from './money-rows.ts'
import { insertNotice } from './notice-rows.ts'

/** In the order in which they must be written. */
export function rareStatements(rows: BatchRows, scope: Scope, at: string): Bound[] {
  const { organisationId, replicaId, logId } = scope
  const bounds: Bound[] = []
  const add = (statement: Statement, ...values: unknown[]): void => {
    bounds.push({ statement, values: [organisationId, ...values.map(asValue)] })
  }
  // Changes first: an effect that is no longer live makes room for the one that is inserted.
  for (const row of rows.effectChanges) {
    const { effect_id: id, state, is_live: isLive, undo_call_id: undoCallId } = row
    add(changeEffect, id, state, isLive, at, undoCallId)
  }
  for (const row of rows.effects) add(insertEffect, JSON.stringify(row), at)
  for (const row of rows.holds) add(insertHold, JSON.stringify(row), at)
  for (const row of rows.replaced) add(closeReplaced, JSON.stringify(row), at)
  for (const row of rows.reopened) add(reopenHold, JSON.stringify(row))
  for (const row of rows.holdChanges) add(changeHold, row.hold_id, row.state)
  for (const row of rows.resumes) add(resumeCall, JSON.stringify(row), replicaId)
  for (const row of rows.resolutions) add(resolveOutcome, JSON.stringify(row), at)
  for (const row of rows.flows) add(upsertFlow, row.call_id, row.flow)
  for (const row of rows.checks) add(insertChecks, row.call_id, JSON.stringify(row.checks))
  for (const row of rows.leases) add(upsertLease, replicaId, row.scope_id, row.amounts)
  for (const row of rows.alerts) add(insertAlert, JSON.stringify(row), logId.toString(), at)
  for (const row of rows.notices) {
    add(insertNotice, row.notice_id, row.kind, row.subject_id, JSON.stringify(row.detail), at)
  }
  for (const { statement, values } of runStatements(rows.runs, at)) add(statement, ...values)
  for (const { statement, values } of moneyStatements(rows.money)) add(statement, ...values)
  for (const { statement, values } of taintStatements(rows.taint)) add(statement, ...values)
  const place = { logId: logId.toString(), at }
  for (const { statement, values } of escalationStatements(rows.escalation, place)) {
    add(statement, ...values)
  }
  for (const { statement, values } of handoverStatements(rows, at)) add(statement, ...values)
  return bounds
}

const changeEffect: Statement = {
  name: 'airworthy-change-effect',
  text: `UPDATE airworthy.effects SET state = $3, is_live = coalesce($4::boolean, is_live),
    undo_call_id = coalesce($6::uuid, undo_call_id),
    settled_at = CASE WHEN $3 = state THEN settled_at
      WHEN $3 <> 'executing' THEN $5::timestamptz END,
    dispatched_at = CASE WHEN $3 = 'executing' THEN $5::timestamptz ELSE dispatched_at END
  WHERE organisation_id = $1 AND effect_id = $2`,
}

const insertEffect: Statement = {
  name: 'airworthy-insert-effect',
  text: `INSERT INTO airworthy.effects (organisation_id, effect_id, call_id,
    session_id, agent_id, action, effect_class, effect_key, args_hash, state, amount_minor,
    currency, is_live, expires_at, created_at, dispatched_at, touches)
  SELECT $1, r.effect_id, r.call_id, r.session_id, r.agent_id, r.action, r.effect_class,
    r.effect_key, r.args_hash, r.state, r.amount_minor, r.currency, true,
    to_timestamp(r.expires_ms / 1000.0), $3,
    CASE WHEN r.state = 'executing' THEN $3::timestamptz END, r.touches
  FROM json_to_record($2::json) AS r(effect_id uuid, call_id uuid, session_id uuid,
    agent_id uuid, action text, effect_class text, effect_key text, args_hash text, state text,
    amount_minor bigint, currency text, expires_ms bigint, touches text[])`,
}

const upsertFlow: Statement = {
  name: 'airworthy-upsert-flow',
  text: `INSERT INTO airworthy.call_flows (organisation_id, call_id, flow) VALUES ($1, $2, $3)
  ON CONFLICT (organisation_id, call_id) DO UPDATE SET flow = excluded.flow`,
}

const insertChecks: Statement = {
  name: 'airworthy-insert-checks',
  text: `INSERT INTO airworthy.call_checks (organisation_id, call_id, checks)
  VALUES ($1, $2, $3::json)
  ON CONFLICT (organisation_id, call_id) DO UPDATE SET checks = excluded.checks`,
}

const resumeCall: Statement = {
  name: 'airworthy-resume-call',
  text: `UPDATE airworthy.call_intents c SET state = r.state, code = r.code, reasons = r.reasons,
    reserved = r.reserved, ledgers = r.ledgers, pact_id = r.pact_id, intent_seq = r.seq, replica_id = $3
  FROM json_to_record($2::json) AS r(call_id uuid, state text, code text, reasons json,
    reserved bigint[], ledgers uuid[], pact_id uuid, seq bigint)
  WHERE c.organisation_id = $1 AND c.call_id = r.call_id`,
}

const upsertLease: Statement = {
  name: 'airworthy-upsert-lease',
  text: `INSERT INTO airworthy.leases (organisation_id, replica_id, scope_id, amounts)
  VALUES ($1, $2, $3, $4::bigint[])
  ON CONFLICT (organisation_id, replica_id, scope_id) DO UPDATE SET amounts = excluded.amounts`,
}

const resolveOutcome: Statement = {
  name: 'airworthy-resolve-outcome',
  text: `UPDATE airworthy.call_outcomes c SET state = r.state, code = r.code,
    prompt_tokens = r.pt, cached_tokens = r.ct, completion_tokens = r.ot, cost_nano_usd = r.cost,
    outcome_seq = r.seq, settled_at = $3, unknown_seq = coalesce(c.unknown_seq, c.outcome_seq),
    detail = CASE WHEN r.detail IS NULL THEN c.detail
      ELSE (coalesce(c.detail::jsonb, '{}') || r.detail::jsonb)::json END
  FROM json_to_record($2::json) AS r(call_id uuid, state text, code text, pt bigint, ct bigint,
    ot bigint, cost bigint, seq bigint, detail json)
  WHERE c.organisation_id = $1 AND c.call_id = r.call_id`,
}
