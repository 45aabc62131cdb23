// The organisation and its log. Today there is one, called "default".
import { randomUUIDv7 } from 'node:crypto'
import { sql } from 'kysely'
import { type OrganisationId, parseOrganisationId } from '../core/ids.ts'
import type { Database } from './database.ts'

const bootstrapLock = 4_155_213_001n

/**
 * Makes sure that the organisation "default", its log and the log's partition exist. Idempotent;
 * processes that start at once wait for each other on an advisory lock.
 */
export async function bootstrapOrganisation(
  db: Database,
): Promise<{ organisationId: OrganisationId; logId: bigint; created: boolean }> {
  const name = 'default'
  return db.transaction().execute(async (tx) => {
    await sql`SELECT pg_advisory_xact_lock(${bootstrapLock})`.execute(tx)
    const found = await tx
      .selectFrom('airworthy.organisations as o')
      .innerJoin('airworthy.logs as l', 'l.organisation_id', 'o.organisation_id')
      .select(['o.organisation_id', 'l.log_id'])
      .where('o.name', '=', name)
      // Open or not: who starts while the log is rotated opens the next shard.
      .orderBy('l.log_id', 'desc')
      .executeTakeFirst()
    if (found !== undefined) {
      const organisationId = parseOrganisationId(found.organisation_id)
      return { organisationId, logId: BigInt(found.log_id), created: false }
    }
    const organisationId = parseOrganisationId(randomUUIDv7())
    await tx
      .insertInto('airworthy.organisations')
      .values({ organisation_id: organisationId, name })
      .execute()
    const next = await sql<{ log_id: string }>`
      SELECT coalesce(max(log_id), 0) + 1 AS log_id FROM airworthy.logs`.execute(tx)
    const logId = BigInt(next.rows[0]?.log_id ?? '1')
    const partition = sql.table(`airworthy.entries_${logId}`)
    await sql`CREATE TABLE ${partition} PARTITION OF airworthy.entries
      FOR VALUES IN (${sql.lit(logId)})`.execute(tx)
    await tx
      .insertInto('airworthy.logs')
      .values({ organisation_id: organisationId, log_id: logId, name })
      .execute()
    return { organisationId, logId, created: true }
  })
}
