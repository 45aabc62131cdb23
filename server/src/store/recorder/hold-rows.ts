// The rows of calls that wait for people, and of questions that open again.
import type { ModelApi } from '../../core/wires/model-api.ts'
import type { Statement } from './statements.ts'

/** What people are asked: JSON of the policy and of the facts, where there are any. */
export type QuestionRow = {
  policy: unknown
  facts: unknown
  facts_hash: string | undefined
  effect_seen: string | undefined
  until_ms: number
  level_until_ms: number | undefined
}

export type HoldRow = QuestionRow & {
  hold_id: string
  call_id: string
  session_id: string
  agent_id: string
  pact_id: string
  action: string
  args_hash: string
  schema_hash: string
  /** Deferred holds wait for their run, not for a person. */
  state: 'pending' | 'deferred'
  /** Of the entry that tells of the hold. */
  seq: string
  wire: ModelApi | undefined
  /** The person whose own call it is, and the hold whose arguments they changed. */
  author_id: string | undefined
  replaces_hold: string | undefined
}

/** A hold whose call was proposed anew, with other arguments. */
export type ReplacedRow = {
  hold_id: string
  call_id: string
  new_hold_id: string
  reason: string
  /** In hexadecimal. */
  salt: string
  seq: string
}

export type ReopenedRow = QuestionRow & {
  hold_id: string
  round: number
  pact_id: string
  schema_hash: string
  amount_minor: string | undefined
}

export const insertHold: Statement = {
  name: 'airworthy-insert-hold',
  text: `WITH r AS (SELECT * FROM json_to_record($2::json) AS r(hold_id uuid, call_id uuid,
    session_id uuid, agent_id uuid, pact_id uuid, action text, args_hash text, schema_hash text,
    until_ms bigint, state text, seq bigint, wire text, policy json, facts json, facts_hash text,
    effect_seen text, level_until_ms bigint, author_id uuid, replaces_hold uuid))
  INSERT INTO airworthy.holds (organisation_id, hold_id, call_id, session_id,
    agent_id, pact_id, action, args_hash, schema_hash, state, created_at, expires_at, intent_seq,
    wire, policy, facts, facts_hash, effect_seen, level_until, author_id, replaces_hold)
  SELECT $1, r.hold_id, r.call_id, r.session_id, r.agent_id, r.pact_id, r.action, r.args_hash,
    r.schema_hash, r.state, $3, to_timestamp(r.until_ms / 1000.0), r.seq, r.wire, r.policy, r.facts,
    r.facts_hash, r.effect_seen, to_timestamp(r.level_until_ms / 1000.0), r.author_id,
    r.replaces_hold FROM r`,
}

/** An edit is linked both ways; the words of its author stay beside the log. */
export const closeReplaced: Statement = {
  name: 'airworthy-close-replaced',
  text: `WITH r AS (SELECT * FROM json_to_record($2::json) AS r(hold_id uuid, call_id uuid,
    new_hold_id uuid, reason text, salt text, seq bigint)),
  closed AS (UPDATE airworthy.holds h SET state = 'rejected', decided_at = $3,
      replaced_by = r.new_hold_id, edit_reason = r.reason, edit_salt = decode(r.salt, 'hex')
    FROM r WHERE h.organisation_id = $1 AND h.hold_id = r.hold_id)
  INSERT INTO airworthy.call_outcomes (organisation_id, call_id, state, code, outcome_seq, settled_at)
  SELECT $1, r.call_id, 'denied', 'hold.replaced', r.seq, $3 FROM r`,
}

export const changeHold: Statement = {
  name: 'airworthy-change-hold',
  text: `UPDATE airworthy.holds SET state = $3 WHERE organisation_id = $1 AND hold_id = $2`,
}

/** Votes of earlier rounds stay as evidence, and count no more. */
export const reopenHold: Statement = {
  name: 'airworthy-reopen-hold',
  text: `WITH r AS (SELECT * FROM json_to_record($2::json) AS r(hold_id uuid, round int,
    pact_id uuid, schema_hash text, until_ms bigint, policy json, facts json, facts_hash text,
    effect_seen text, level_until_ms bigint, amount_minor bigint)),
  moved AS (UPDATE airworthy.effects e SET amount_minor = coalesce(r.amount_minor, e.amount_minor)
    FROM r, airworthy.holds h, airworthy.call_intents c
    WHERE h.organisation_id = $1 AND h.hold_id = r.hold_id AND c.organisation_id = $1
      AND c.call_id = h.call_id AND e.organisation_id = $1 AND e.effect_id = c.effect_id)
  UPDATE airworthy.holds h SET state = 'pending', round = r.round, level = 1, pact_id = r.pact_id,
    schema_hash = r.schema_hash, policy = r.policy, facts = r.facts, facts_hash = r.facts_hash,
    effect_seen = r.effect_seen, expires_at = to_timestamp(r.until_ms / 1000.0),
    level_until = to_timestamp(r.level_until_ms / 1000.0), decided_at = NULL, approved_round = NULL
  FROM r WHERE h.organisation_id = $1 AND h.hold_id = r.hold_id`,
}
