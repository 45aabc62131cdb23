// What this install has cosigned of other logs.
import { sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'

export type WitnessedLog = { readonly size: number; readonly root: Buffer }

/** Undefined for a log that was never cosigned: its size is 0 then. */
export async function findWitnessedLog(
  db: Database,
  organisationId: OrganisationId,
  origin: string,
): Promise<WitnessedLog | undefined> {
  const row = await db
    .selectFrom('airworthy.witnessed_logs')
    .select(['size', 'root'])
    .where('organisation_id', '=', organisationId)
    .where('origin', '=', origin)
    .executeTakeFirst()
  return row === undefined ? undefined : { size: Number(row.size), root: row.root }
}

/**
 * Moves what was cosigned on, in one statement: only if it still is what was compared with. False
 * where another request moved it meanwhile. Durable when it resolves; the cosignature comes after.
 */
export async function advanceWitnessedLog(
  db: Database,
  organisationId: OrganisationId,
  step: {
    readonly origin: string
    readonly from: WitnessedLog | undefined
    readonly to: WitnessedLog
    readonly note: string
  },
): Promise<boolean> {
  const { origin, from, to, note } = step
  const moved =
    from === undefined
      ? await sql<{ size: string }>`
        INSERT INTO airworthy.witnessed_logs (organisation_id, origin, size, root, note)
        VALUES (${organisationId}, ${origin}, ${to.size}, ${to.root}, ${note})
        ON CONFLICT (organisation_id, origin) DO NOTHING RETURNING size`.execute(db)
      : await sql<{ size: string }>`
        UPDATE airworthy.witnessed_logs SET size = ${to.size}, root = ${to.root}, note = ${note},
          cosigned_at = clock_timestamp()
        WHERE organisation_id = ${organisationId} AND origin = ${origin}
          AND size = ${from.size} AND root = ${from.root} RETURNING size`.execute(db)
  return moved.rows.length === 1
}
