// What the doctor asks a database, whatever is in it.
import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema/schema.ts'

export type DatabaseState = {
  readonly versionText: string
  readonly versionNumber: number
  /** The database's clock, milliseconds since the Unix epoch. */
  readonly nowMs: number
  /** Undefined when there is no schema of ours, or no organisation in it. */
  readonly organisationId: string | undefined
  /** False before the next start has migrated a database of an earlier release. */
  readonly hasChannels: boolean
}

export async function readDatabaseState(db: Kysely<Schema>): Promise<DatabaseState> {
  const found = await sql<{
    text: string
    number: number
    now_ms: string
    table: string | null
    has_channels: boolean
  }>`
    SELECT current_setting('server_version') AS text,
      current_setting('server_version_num')::int AS number,
      (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms,
      to_regclass('airworthy.organisations')::text AS table,
      to_regclass('airworthy.deliveries') IS NOT NULL AS has_channels`.execute(db)
  const row = found.rows[0]
  if (row === undefined) throw new Error('PostgreSQL answered no row')
  const organisation =
    row.table === null
      ? undefined
      : await db
          .selectFrom('airworthy.organisations')
          .select('organisation_id')
          .orderBy('organisation_id')
          .executeTakeFirst()
  return {
    versionText: row.text,
    versionNumber: row.number,
    nowMs: Number(row.now_ms),
    organisationId: organisation?.organisation_id,
    hasChannels: row.has_channels,
  }
}
