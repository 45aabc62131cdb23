// Providers' accounts of usage, as they were compared with the record.
import { randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'

export type UsageImportRow = {
  readonly importId: string
  readonly provider: string
  readonly fileHash: Buffer
  readonly firstDay: string
  readonly lastDay: string
  readonly isWithin: boolean
  /** As it was given. */
  readonly report: unknown
  readonly importedAt: Date
}

/** Keeps a comparison. Call it inside a command. */
export async function saveUsageImport(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  saved: Omit<UsageImportRow, 'importId' | 'importedAt'> & { readonly operatorId: string },
): Promise<{ readonly importId: string; readonly importedAt: Date }> {
  const importId = randomUUIDv7()
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'usage.imported',
      agentId: organisationId,
      body: {
        file: saved.fileHash.toString('hex'),
        from: saved.firstDay,
        import: importId,
        operator: saved.operatorId,
        provider: saved.provider,
        to: saved.lastDay,
        within: saved.isWithin,
      },
    },
  ])
  if (entry === undefined) throw new Error('an entry was not written')
  const importedAt = new Date(entry.atMs)
  await tx
    .insertInto('airworthy.usage_imports')
    .values({
      organisation_id: organisationId,
      import_id: importId,
      provider: saved.provider,
      file_hash: saved.fileHash,
      first_day: saved.firstDay,
      last_day: saved.lastDay,
      is_within: saved.isWithin,
      report: JSON.stringify(saved.report),
      imported_by: saved.operatorId,
      imported_at: importedAt,
      log_id: String(entry.logId),
      seq: String(entry.seq),
    })
    .execute()
  return { importId, importedAt }
}

/** In the order of their making, after the given one. */
export async function listUsageImports(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: { readonly after: string | undefined; readonly limit: number },
): Promise<UsageImportRow[]> {
  let query = db
    .selectFrom('airworthy.usage_imports')
    .select(['import_id', 'provider', 'file_hash', 'is_within', 'report', 'imported_at'])
    // As text: a day has no time zone.
    .select([sql<string>`first_day::text`.as('first'), sql<string>`last_day::text`.as('last')])
    .where('organisation_id', '=', organisationId)
  if (page.after !== undefined) query = query.where('import_id', '>', page.after)
  const rows = await query.orderBy('import_id').limit(page.limit).execute()
  return rows.map((row) => ({
    importId: row.import_id,
    provider: row.provider,
    fileHash: row.file_hash,
    firstDay: row.first,
    lastDay: row.last,
    isWithin: row.is_within,
    report: row.report,
    importedAt: row.imported_at,
  }))
}
