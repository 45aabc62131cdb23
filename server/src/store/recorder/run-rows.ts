// What a batch writes of runs: a statement a row, because they are rare.

export type NewRunRow = {
  run_id: string
  session_id: string
  agent_id: string
  version_id: string
  pact_id: string
  name: string
  on_failure: string
  on_denied: string
  irreversible_last: boolean
  expires_ms: number
}

export type RunRows = {
  readonly opened: NewRunRow[]
  readonly steps: { run_id: string; effect_id: string; call_id: string }[]
  /** Runs that are taken back from now on. */
  readonly closed: {
    run_id: string
    session_id: string
    reason: string
    call_id: string | undefined
  }[]
}

export function createRunRows(): RunRows {
  return { opened: [], steps: [], closed: [] }
}

type Statement = {
  readonly statement: { readonly name: string; readonly text: string }
  /** After the organisation's id, which is `$1`. */
  readonly values: unknown[]
}

/** In the order in which they must be sent. `at` is the batch's time. */
export function runStatements(rows: RunRows, at: string): Statement[] {
  return [
    ...rows.opened.map((row) => ({ statement: insertRun, values: [JSON.stringify(row), at] })),
    ...rows.steps.map((row) => ({
      statement: insertStep,
      values: [row.run_id, row.effect_id, row.call_id],
    })),
    ...rows.closed.map((row) => ({
      statement: closeRun,
      values: [row.run_id, row.session_id, row.reason, row.call_id, at],
    })),
  ]
}

const insertRun = {
  name: 'airworthy-insert-run',
  text: `INSERT INTO airworthy.runs (organisation_id, run_id, session_id, agent_id, version_id,
    pact_id, name, state, on_failure, on_denied, irreversible_last, expires_at, opened_at)
  SELECT $1, r.run_id, r.session_id, r.agent_id, r.version_id, r.pact_id, r.name, 'open',
    r.on_failure, r.on_denied, r.irreversible_last, to_timestamp(r.expires_ms / 1000.0), $3
  FROM json_to_record($2::json) AS r(run_id uuid, session_id uuid, agent_id uuid,
    version_id uuid, pact_id uuid, name text, on_failure text, on_denied text,
    irreversible_last boolean, expires_ms bigint)`,
}

const insertStep = {
  name: 'airworthy-insert-run-step',
  text: `INSERT INTO airworthy.run_steps (organisation_id, run_id, effect_id, call_id)
  VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
}

/** The whole session's run takes the session's other runs back with it. */
const closeRun = {
  name: 'airworthy-close-run',
  text: `UPDATE airworthy.runs r SET state = 'compensating', closed_at = $6, next_at = $6,
    ended_at = NULL, reason = $4, closed_by_call = $5,
    parent_run_id = CASE WHEN r.run_id = $2 THEN NULL ELSE $2::uuid END
  WHERE r.organisation_id = $1 AND (r.run_id = $2 OR (r.session_id = $3
    AND r.state IN ('open', 'completing', 'compensating', 'stuck') AND EXISTS (
      SELECT FROM airworthy.runs w
      WHERE w.organisation_id = $1 AND w.run_id = $2 AND w.name = '')))`,
}
