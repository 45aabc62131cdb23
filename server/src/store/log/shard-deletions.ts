// The deletion of closed shards of the log. An entry announces it; when that entry is published the
// tiles and bundles go, then in one transaction the entries, and another entry says that it is done.
// The shard's row and its final checkpoint stay. Each step may be tried again.
import { hash, randomBytes } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { commitReason, reasonSaltBytes } from '../../core/audit/reason.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { withoutCosignatures } from '../../core/tlog/note.ts'
import {
  findLastCheckpoint,
  findShard,
  isGone,
  type Shard,
  type ShardDeletionState,
} from './checkpoints.ts'
import type { Database } from '../database.ts'
import { appendEntries } from './log.ts'
import type { Schema } from '../schema/schema.ts'
import { type JudgedShard, judgeShardNow, legalHoldsOfShard } from './shard-retention.ts'
import { runCommand } from '../transaction.ts'

export type ShardDeletionRow = {
  readonly logId: string
  readonly state: ShardDeletionState
  readonly size: string
  readonly root: Buffer
  readonly checkpointHash: Buffer
  readonly operatorId: string
  readonly reason: string
  readonly announcedLogId: string
  readonly announcedSeq: string
  readonly announcedAt: Date
  /** Files that are gone. */
  readonly objects: string
  /** Why it does not go on; null: it does. */
  readonly stoppedBy: string | null
  readonly doneLogId: string | null
  readonly doneSeq: string | null
  readonly doneAt: Date | null
}

/** While the entries are dropped nobody writes or reads the log: longer than this is not waited. */
const dropWaitMs = 200

function selectDeletions(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.shard_deletions')
    .selectAll()
    .where('organisation_id', '=', organisationId)
}

type Selected = Awaited<ReturnType<ReturnType<typeof selectDeletions>['execute']>>[number]

function deletionOf(row: Selected): ShardDeletionRow {
  return {
    logId: row.log_id,
    state: row.state,
    size: row.size,
    root: row.root,
    checkpointHash: row.checkpoint_hash,
    operatorId: row.operator_id,
    reason: row.reason,
    announcedLogId: row.announced_log_id,
    announcedSeq: row.announced_seq,
    announcedAt: row.announced_at,
    objects: row.objects,
    stoppedBy: row.stopped_by,
    doneLogId: row.done_log_id,
    doneSeq: row.done_seq,
    doneAt: row.done_at,
  }
}

/** Every deletion that was announced; at most one a shard. */
export async function listShardDeletions(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<ShardDeletionRow[]> {
  const rows = await selectDeletions(db, organisationId).orderBy('log_id').execute()
  return rows.map(deletionOf)
}

export async function findShardDeletion(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  logId: string,
): Promise<ShardDeletionRow | undefined> {
  const row = await selectDeletions(db, organisationId)
    .where('log_id', '=', logId)
    .executeTakeFirst()
  return row === undefined ? undefined : deletionOf(row)
}

/** The oldest deletion that is not done and whose turn it is. */
export async function nextShardDeletion(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<ShardDeletionRow | undefined> {
  const row = await selectDeletions(db, organisationId)
    .where('state', '<>', 'done')
    .where(sql<boolean>`next_try_at <= clock_timestamp()`)
    .orderBy('log_id')
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? undefined : deletionOf(row)
}

/**
 * Announces the deletion of a shard by an entry; where that was done before, has it tried again. Call
 * it inside a command. `nowMs` is the database's clock. Throws `request.not_found`, `log.shard_kept`,
 * `log.shard_deleted`.
 */
export async function announceShardDeletion(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  announced: {
    readonly logId: string
    readonly reason: string
    readonly operatorId: string
    readonly nowMs: number
  },
): Promise<ShardDeletionRow> {
  const { logId, nowMs } = announced
  const shard = await findShard(tx, organisationId, { logId })
  if (shard === undefined) throw new AirworthyError('request.not_found', `there is no log ${logId}`)
  const before = await findShardDeletion(tx, organisationId, logId)
  if (before?.state === 'done') throw shardDeleted(before)
  if (before === undefined) {
    const judged = await judgeShardNow(tx, organisationId, { shard, nowMs })
    if (judged.keptBy !== undefined) throw shardKept(judged)
    await writeAnnouncement(tx, organisationId, announced)
  } else {
    await tx
      .updateTable('airworthy.shard_deletions')
      .set({ next_try_at: sql<Date>`clock_timestamp()` })
      .where('organisation_id', '=', organisationId)
      .where('log_id', '=', logId)
      .execute()
  }
  const row = await findShardDeletion(tx, organisationId, logId)
  if (row === undefined) throw new Error('a deletion that was just announced cannot be read')
  return row
}

async function writeAnnouncement(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  announced: { readonly logId: string; readonly reason: string; readonly operatorId: string },
): Promise<void> {
  const { logId, reason, operatorId } = announced
  const final = await findLastCheckpoint(tx, organisationId, BigInt(logId))
  if (final === undefined) throw new Error(`log ${logId} has no checkpoint`)
  const checkpointHash = hash('sha256', withoutCosignatures(final.note), 'buffer')
  const salt = randomBytes(reasonSaltBytes)
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'log.shard_deleting',
      agentId: organisationId,
      body: {
        checkpoint: checkpointHash.toString('base64url'),
        log: logId,
        operator: operatorId,
        reason: commitReason(salt, reason),
        root: final.root.toString('base64url'),
        size: final.size,
      },
    },
  ])
  if (entry === undefined) throw new Error('an announcement got no entry')
  await tx
    .insertInto('airworthy.shard_deletions')
    .values({
      organisation_id: organisationId,
      log_id: logId,
      state: 'announced',
      size: final.size,
      root: final.root,
      checkpoint_hash: checkpointHash,
      operator_id: operatorId,
      reason,
      reason_salt: salt,
      announced_log_id: entry.logId,
      announced_seq: entry.seq,
      announced_at: new Date(entry.atMs),
      next_try_at: new Date(entry.atMs),
    })
    .execute()
}

/**
 * From here on files may be gone. Gives the legal holds that keep the shard, if there are any: then
 * nothing was changed. A hold is placed under the same lock, so it is seen here or comes after.
 */
export function beginShardDeletion(
  db: Database,
  organisationId: OrganisationId,
  logId: string,
): Promise<readonly string[]> {
  return runCommand(db, organisationId, async (tx) => {
    const holds = await holdsOf(tx, organisationId, logId)
    if (holds.length > 0) return holds
    await tx
      .updateTable('airworthy.shard_deletions')
      .set({ state: 'deleting', stopped_by: null })
      .where('organisation_id', '=', organisationId)
      .where('log_id', '=', logId)
      .where('state', '=', 'announced')
      .execute()
    return []
  })
}

export async function holdsOf(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  logId: string,
): Promise<readonly string[]> {
  const shard = await findShard(db, organisationId, { logId })
  if (shard === undefined) throw new Error(`there is no log ${logId}`)
  const holds = await legalHoldsOfShard(db, organisationId, shard)
  return holds.map((hold) => hold.legalHoldId)
}

/** Counts files that are gone; a count that a crash loses is one too low. */
export async function countDeletedObjects(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly logId: string; readonly count: number },
): Promise<void> {
  await sql`UPDATE airworthy.shard_deletions SET objects = objects + ${of.count}, stopped_by = NULL
    WHERE organisation_id = ${organisationId} AND log_id = ${of.logId}
      AND state = 'deleting'`.execute(db)
}

/** Notes why a deletion does not go on; it is tried again later, or when somebody asks for it. */
export async function stopShardDeletion(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly logId: string; readonly why: string; readonly retrySeconds: number },
): Promise<void> {
  await sql`UPDATE airworthy.shard_deletions SET stopped_by = ${of.why},
      next_try_at = clock_timestamp() + make_interval(secs => ${of.retrySeconds})
    WHERE organisation_id = ${organisationId} AND log_id = ${of.logId}
      AND state <> 'done'`.execute(db)
}

export type DropOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'held'; readonly legalHolds: readonly string[] }
  /** Somebody reads the log in one long transaction. */
  | { readonly kind: 'busy' }

/** Drops the entries and writes the entry that says so, in one transaction. */
export async function finishShardDeletion(
  db: Database,
  organisationId: OrganisationId,
  logId: string,
): Promise<DropOutcome> {
  try {
    return await runCommand(db, organisationId, (tx) => dropShard(tx, organisationId, logId))
  } catch (cause) {
    const isLocked = cause instanceof Error && 'code' in cause && cause.code === '55P03'
    if (isLocked) return { kind: 'busy' }
    throw cause
  }
}

async function dropShard(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  logId: string,
): Promise<DropOutcome> {
  const row = await findShardDeletion(tx, organisationId, logId)
  if (row?.state !== 'deleting') return { kind: 'done' }
  const legalHolds = await holdsOf(tx, organisationId, logId)
  if (legalHolds.length > 0) return { kind: 'held', legalHolds }
  await sql`SET LOCAL lock_timeout = ${sql.lit(dropWaitMs)}`.execute(tx)
  await sql`DROP TABLE IF EXISTS ${sql.table(`airworthy.entries_${BigInt(logId)}`)}`.execute(tx)
  await sql`DELETE FROM airworthy.agent_heads
    WHERE organisation_id = ${organisationId} AND log_id = ${logId}`.execute(tx)
  await sql`DELETE FROM airworthy.checkpoints
    WHERE organisation_id = ${organisationId} AND log_id = ${logId}
      AND size < ${row.size}`.execute(tx)
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'log.shard_deleted',
      agentId: organisationId,
      body: {
        announced: `${row.announcedLogId}:${row.announcedSeq}`,
        checkpoint: row.checkpointHash.toString('base64url'),
        log: logId,
        root: row.root.toString('base64url'),
        size: Number(row.size),
      },
    },
  ])
  if (entry === undefined) throw new Error('a deletion got no entry')
  await tx
    .updateTable('airworthy.shard_deletions')
    .set({
      state: 'done',
      stopped_by: null,
      done_log_id: entry.logId,
      done_seq: entry.seq,
      done_at: new Date(entry.atMs),
    })
    .where('organisation_id', '=', organisationId)
    .where('log_id', '=', logId)
    .execute()
  return { kind: 'done' }
}

/** The shard, where its entries are there. Throws `log.shard_deleted`. */
export async function requireEntries(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  shard: Shard,
): Promise<Shard> {
  if (!isGone(shard)) return shard
  const row = await findShardDeletion(db, organisationId, String(shard.logId))
  if (row === undefined) throw new Error(`log ${shard.logId} is gone, and nobody said so`)
  throw shardDeleted(row)
}

function shardDeleted(row: ShardDeletionRow): AirworthyError {
  const { logId, announcedLogId, announcedSeq, state } = row
  const said = `entry ${announcedLogId}:${announcedSeq} announced it`
  return new AirworthyError(
    'log.shard_deleted',
    `log ${logId} ${state === 'done' ? 'was' : 'is being'} deleted: ${said}`,
  )
}

function shardKept({ shard, keptBy, dueAtMs, legalHolds }: JudgedShard): AirworthyError {
  const why = {
    open: 'it is not closed',
    not_signed: 'its final checkpoint is not signed by all who must',
    not_due: 'its newest entry is younger than the retention of the log',
    legal_hold: 'a legal hold may concern it',
  }
  const dueAt = dueAtMs === undefined ? undefined : new Date(dueAtMs).toISOString()
  const because = keptBy === undefined ? '' : why[keptBy]
  return new AirworthyError('log.shard_kept', `log ${shard.logId} is kept: ${because}`, {
    detail: { keptBy, dueAt, legalHolds },
  })
}
