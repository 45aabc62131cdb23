// The handover of a session as the recorder knows it, read with the session's row.

export type KnownHandover = { readonly id: string; readonly takenBy: string | undefined }

/** A column of `sessions AS s`: NULL but for a session that is with a person. */
export const handoverColumn = `CASE WHEN s.state = 'handed_over' THEN (SELECT
          json_build_object('id', v.handover_id, 'takenBy', v.taken_by) FROM airworthy.handovers v
          WHERE v.organisation_id = s.organisation_id AND v.session_id = s.session_id
            AND v.state IN ('open', 'taken')) END AS handover`

export function parseHandover(value: unknown): KnownHandover | undefined {
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined
  const takenBy =
    'takenBy' in value && typeof value.takenBy === 'string' ? value.takenBy : undefined
  return { id: String(value.id), takenBy }
}
