// The runs of a session as the recorder knows them: few, read with the session's row.
import type { Reaction, RunState } from '../../core/run/run.ts'

export type KnownRun = {
  readonly runId: string
  readonly name: string
  state: RunState
  readonly onFailure: Reaction
  readonly onDenied: Reaction
  readonly irreversibleLast: boolean
  readonly expiresAtMs: number | undefined
}

/** A column of `sessions AS s`: an array of runs, or NULL. */
export const runsColumn = `(SELECT json_agg(json_build_object('runId', r.run_id, 'name', r.name,
          'state', r.state, 'onFailure', r.on_failure, 'onDenied', r.on_denied,
          'irreversibleLast', r.irreversible_last,
          'expiresAtMs', (extract(epoch FROM r.expires_at) * 1000)::bigint))
        FROM airworthy.runs r
        WHERE r.organisation_id = s.organisation_id AND r.session_id = s.session_id) AS runs`

type StoredRun = Omit<KnownRun, 'expiresAtMs'> & { readonly expiresAtMs: number | null }

function isStoredRun(value: unknown): value is StoredRun {
  return typeof value === 'object' && value !== null && 'runId' in value && 'state' in value
}

/** By name. The rows are the database's own, which checks what they hold. */
export function parseRuns(value: unknown): Map<string, KnownRun> {
  const rows = Array.isArray(value) ? value.filter(isStoredRun) : []
  return new Map(
    rows.map((row) => [row.name, { ...row, expiresAtMs: row.expiresAtMs ?? undefined }]),
  )
}
