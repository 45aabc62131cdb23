// The kills in force, as the recorder knows them: read with every session, because a kill appends an
// entry, and a changed head makes the recorder read its sessions again.
import { type ActiveKill, killModes, killScopeKinds } from '../../core/kill/kill.ts'
import { z } from 'zod'

/**
 * A column: an array of kills, or NULL; in one row only, however many sessions are read. `$1` is the
 * organisation.
 */
export const killsColumn = `CASE WHEN row_number() OVER () = 1 THEN (SELECT json_agg(json_build_object('killId', k.kill_id,
          'epoch', k.epoch::text, 'kind', k.scope_kind, 'id', k.scope_id, 'mode', k.mode))
        FROM airworthy.kills k WHERE k.organisation_id = $1 AND k.resumed_at IS NULL
          AND k.mode <> 'drill') END AS kills`

const storedKills = z.array(
  z.object({
    killId: z.string(),
    epoch: z.string(),
    kind: z.enum(killScopeKinds),
    id: z.string(),
    mode: z.enum(killModes),
  }),
)

const none: readonly ActiveKill[] = []

/** Throws where the row is not what this release writes: what cannot be read must not be ignored. */
export function parseKills(value: unknown): readonly ActiveKill[] {
  if (value === null || value === undefined) return none
  return storedKills.parse(value).map(({ killId, epoch, kind, id, mode }) => ({
    killId,
    epoch: BigInt(epoch),
    scope: { kind, id },
    mode,
  }))
}
