// Processes of a release that knew no kill switch, and that still live beside this one.
import { sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { isLockHeld } from '../replica-lock.ts'

export type UnfencedReplica = { readonly replicaId: string; readonly startedAt: Date }

/** In the order of their ids. */
export async function listUnfenced(
  db: Database,
  organisationId: OrganisationId,
  limit: number,
): Promise<UnfencedReplica[]> {
  const found = await sql<{ replica_id: string; started_at: Date }>`
    SELECT r.replica_id, r.started_at FROM airworthy.replicas r
    WHERE r.organisation_id = ${organisationId} AND r.ended_at IS NULL AND NOT r.is_fenced
      AND ${sql.raw(isLockHeld('r.lock_key'))}
    ORDER BY r.replica_id LIMIT ${limit}`.execute(db)
  return found.rows.map((row) => ({ replicaId: row.replica_id, startedAt: row.started_at }))
}
