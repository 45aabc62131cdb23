// Rotation. A shard is closed by its last entry; the integrator signs its final checkpoint; then the
// next shard is opened, and its first leaf is that checkpoint. Between the two nothing can be written:
// writers wait for the next shard, a second or two.
import { type Kysely, sql } from 'kysely'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { withoutCosignatures } from '../../core/tlog/note.ts'
import { findLastCheckpoint, findShard, listShards, type Shard } from './checkpoints.ts'
import type { Database } from '../database.ts'
import { appendEntries, lockLog } from './log.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

/**
 * Closes the open shard with an entry that says who did it. Throws `log.unavailable` where no
 * checkpoint was ever signed: then nobody would open the next one.
 */
export async function closeShard(
  db: Database,
  organisationId: OrganisationId,
  operatorId: string,
): Promise<Shard> {
  const logId = await runCommand(db, organisationId, async (tx) => {
    const { logId: open } = await lockLog(tx, organisationId)
    if ((await findLastCheckpoint(tx, organisationId, open)) === undefined) {
      const message = 'the log has no signed checkpoint yet, so it cannot be closed'
      throw new AirworthyError('log.unavailable', message)
    }
    await appendEntries(tx, organisationId, [
      { type: 'log.closed', agentId: organisationId, body: { operator: operatorId } },
    ])
    await sql`UPDATE airworthy.logs SET is_open = false, closed_at = clock_timestamp()
      WHERE organisation_id = ${organisationId} AND log_id = ${open}`.execute(tx)
    return open
  })
  const shard = await findShard(db, organisationId, { logId: String(logId) })
  if (shard === undefined) throw new Error(`there is no log ${logId}`)
  return shard
}

const openLock = 4_155_213_007n

/** Opens the shard after a closed one, unless somebody has. Its final checkpoint must be stored. */
export async function openNextShard(
  db: Database,
  organisationId: OrganisationId,
  closedLogId: bigint,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`SELECT pg_advisory_xact_lock(${openLock})`.execute(tx)
    const shards = await listShards(tx, organisationId)
    const closed = shards.at(-1)
    if (closed === undefined || closed.logId !== closedLogId || closed.isOpen) return
    const final = await findLastCheckpoint(tx, organisationId, closedLogId)
    if (final?.size !== closed.size) return
    await addShard(tx, organisationId, shards)
    await appendEntries(tx, organisationId, [
      {
        type: 'log.opened',
        agentId: organisationId,
        body: { previous: withoutCosignatures(final.note) },
      },
    ])
  })
}

async function addShard(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  shards: readonly Shard[],
): Promise<void> {
  const next = await sql<{ log_id: string; year: string }>`
    SELECT coalesce(max(log_id), 0) + 1 AS log_id,
      to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY') AS year FROM airworthy.logs`.execute(tx)
  const { log_id: logId = '1', year = '' } = next.rows[0] ?? {}
  const partition = sql.table(`airworthy.entries_${logId}`)
  await sql`CREATE TABLE ${partition} PARTITION OF airworthy.entries
    FOR VALUES IN (${sql.lit(logId)})`.execute(tx)
  await tx
    .insertInto('airworthy.logs')
    .values({
      organisation_id: organisationId,
      log_id: logId,
      name: 'default',
      shard: freeName(year, new Set(shards.map(({ name }) => name))),
    })
    .execute()
}

/** One shard a year: `2027`; a second one in a year is `2027-2`. */
function freeName(year: string, taken: ReadonlySet<string>): string {
  if (!taken.has(year)) return year
  for (let number = 2; ; number += 1) {
    if (!taken.has(`${year}-${number}`)) return `${year}-${number}`
  }
}
