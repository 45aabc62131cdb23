// Reads the log.
import { type Kysely, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Schema } from '../schema/schema.ts'

export type EntryRow = { readonly seq: string; readonly entry: Buffer }

export type LogHead = { readonly logId: string; readonly size: string }

/** The head of a shard of the log; without an id that of the open one. */
export async function findLog(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  logId?: string,
): Promise<LogHead | undefined> {
  const query = db
    .selectFrom('airworthy.logs')
    .select(['log_id', 'size'])
    .where('organisation_id', '=', organisationId)
  const row = await (
    logId === undefined ? query.where('is_open', '=', true) : query.where('log_id', '=', logId)
  )
    .orderBy('log_id', 'desc')
    .executeTakeFirst()
  return row === undefined ? undefined : { logId: row.log_id, size: row.size }
}

/** Entries in their order, from the given number on. */
export async function readEntries(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: { readonly logId: string; readonly from: bigint; readonly limit: number },
): Promise<EntryRow[]> {
  return db
    .selectFrom('airworthy.entries')
    .select(['seq', 'entry'])
    .where('organisation_id', '=', organisationId)
    .where('log_id', '=', page.logId)
    .where('seq', '>=', String(page.from))
    .orderBy('seq')
    .limit(page.limit)
    .execute()
}

/** The entries of these numbers, in their order. */
export async function findEntries(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly logId: string; readonly seqs: readonly string[] },
): Promise<EntryRow[]> {
  if (of.seqs.length === 0) return []
  return db
    .selectFrom('airworthy.entries')
    .select(['seq', 'entry'])
    .where('organisation_id', '=', organisationId)
    .where('log_id', '=', of.logId)
    .where('seq', 'in', [...of.seqs])
    .orderBy('seq')
    .execute()
}

/** How many numbers from `from` to the head's size have no entry, plus entries at or above it. */
export async function countGaps(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  log: LogHead & { readonly from: bigint },
): Promise<number> {
  const found = await sql<{ inside: string; outside: string }>`
    SELECT count(*) FILTER (WHERE seq < ${log.size}) AS inside,
      count(*) FILTER (WHERE seq >= ${log.size}) AS outside
    FROM airworthy.entries
    WHERE organisation_id = ${organisationId} AND log_id = ${log.logId}
      AND seq >= ${log.from}`.execute(db)
  const row = found.rows[0]
  const expected = BigInt(log.size) - log.from
  return Number(expected - BigInt(row?.inside ?? 0) + BigInt(row?.outside ?? 0))
}

export type AgentHead = {
  readonly agentId: string
  readonly number: string
  readonly lastHash: Buffer
}

const agentHeadsMax = 100_000

export async function listAgentHeads(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  logId: string,
): Promise<AgentHead[]> {
  const rows = await db
    .selectFrom('airworthy.agent_heads')
    .select(['agent_id', 'number', 'last_hash'])
    .where('organisation_id', '=', organisationId)
    .where('log_id', '=', logId)
    .limit(agentHeadsMax)
    .execute()
  return rows.map((row) => ({
    agentId: row.agent_id,
    number: row.number,
    lastHash: row.last_hash,
  }))
}

/** Runs reads that all see one moment of the database, and lock nothing. */
export function readAtOneMoment<Result>(
  db: Kysely<Schema>,
  work: (tx: Kysely<Schema>) => Promise<Result>,
): Promise<Result> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(work)
}
