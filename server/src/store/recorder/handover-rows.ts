// What a batch writes of sessions that are with a person.
import type { Bound, Statement } from './statements.ts'

/** A session that a trigger hands over. */
export type HandoverRow = {
  handover_id: string
  session_id: string
  agent_id: string
  cause: string
  call_id: string
}

/** A call that a person made in the agent's stead. */
export type HandoverCallRow = { call_id: string; handover_id: string; operator_id: string }

/** Without the organisation, which is the first value of each. */
export function handoverStatements(
  rows: {
    readonly handovers: readonly HandoverRow[]
    readonly handoverCalls: readonly HandoverCallRow[]
  },
  at: string,
): Bound[] {
  return [
    ...rows.handovers.map((row) => ({
      statement: insertHandover,
      values: [JSON.stringify(row), at],
    })),
    ...rows.handoverCalls.map((row) => ({
      statement: insertHandoverCall,
      values: [row.call_id, row.handover_id, row.operator_id],
    })),
  ]
}

const insertHandover: Statement = {
  name: 'airworthy-insert-handover',
  text: `WITH handed AS (
    INSERT INTO airworthy.handovers (organisation_id, handover_id, session_id, agent_id, cause,
      call_id, opened_at)
    SELECT $1, r.handover_id, r.session_id, r.agent_id, r.cause, r.call_id, $3
    FROM json_to_record($2::json) AS r(handover_id uuid, session_id uuid, agent_id uuid,
      cause text, call_id uuid)
    RETURNING session_id)
  UPDATE airworthy.sessions s SET state = 'handed_over' FROM handed
  WHERE s.organisation_id = $1 AND s.session_id = handed.session_id AND s.state = 'open'`,
}

const insertHandoverCall: Statement = {
  name: 'airworthy-insert-handover-call',
  text: `INSERT INTO airworthy.handover_calls (organisation_id, call_id, handover_id, operator_id)
  VALUES ($1, $2, $3, $4)`,
}
