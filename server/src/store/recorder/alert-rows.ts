// What a batch writes where a threshold of a policy is passed.
import type { Statement } from './statements.ts'

export type AlertRow = {
  seq: string
  policy_id: string
  /** Not stored: the program's log says it. */
  policy_name: string
  scope_id: string
  unit: string
  threshold: number
  used: string
  limit_amount: string
  call_id: string
}

export const insertAlert: Statement = {
  name: 'airworthy-insert-alert',
  text: `INSERT INTO airworthy.budget_alerts (organisation_id, log_id, seq, policy_id, scope_id,
    unit, threshold, used, limit_amount, call_id, at)
  SELECT $1, $3::bigint, r.seq, r.policy_id, r.scope_id, r.unit, r.threshold, r.used,
    r.limit_amount, r.call_id, $4::timestamptz
  FROM json_to_record($2::json) AS r(seq bigint, policy_id uuid, scope_id uuid, unit text,
    threshold smallint, used bigint, limit_amount bigint, call_id uuid)`,
}
