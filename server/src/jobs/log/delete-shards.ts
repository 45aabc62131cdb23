// Deletes shards of the log whose deletion was announced, as long as that takes and a little each
// turn: the published files first, because as long as the entries are there the files can be made
// again; then the entries. A legal hold that comes in between stops it where it is.
import { checkpointPath, logFiles } from '../../adapters/objects/log-files.ts'
import type { ObjectStore } from '../../adapters/objects/object-store.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { parseCheckpoint } from '../../core/tlog/checkpoint.ts'
import { TlogError } from '../../core/tlog/fault.ts'
import { findCoveringCheckpoint, findShard, type Shard } from '../../store/log/checkpoints.ts'
import type { Database } from '../../store/database.ts'
import {
  beginShardDeletion,
  countDeletedObjects,
  finishShardDeletion,
  holdsOf,
  nextShardDeletion,
  type ShardDeletionRow,
  stopShardDeletion,
} from '../../store/log/shard-deletions.ts'

/** A durable write, before and after; drills stop the process there. */
export type DeletionStep =
  | 'deletion.announced'
  | 'deletion.begun'
  | 'deletion.objects'
  | 'deletion.objects.done'
  | 'deletion.done'

export type DeletionSource = {
  readonly db: Database
  readonly organisationId: OrganisationId
  readonly store: ObjectStore
  /** Whether a checkpoint counts as published only with the witnesses' quorum. */
  readonly mustBeWitnessed: boolean
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  readonly onStep?: ((step: DeletionStep) => void) | undefined
}

/** Below it lies all that is deleted; `checkpoint` and `signed` lie beside it, and stay. */
const tilesPath = 'tile'
/** Between two checkpoints there is time for more than this, and not for much more. */
const turnMs = 200
const objectsPage = 64
const heldRetrySeconds = 60
const failedRetrySeconds = 60
const refusedRetrySeconds = 600
const busyRetrySeconds = 30

/** One turn. Throws what the database throws; the next turn goes on. */
export async function continueShardDeletion(source: DeletionSource): Promise<void> {
  const { db, organisationId } = source
  const row = await nextShardDeletion(db, organisationId)
  if (row === undefined) return
  const shard = await findShard(db, organisationId, { logId: row.logId })
  if (shard === undefined) throw new Error(`there is no log ${row.logId}`)
  try {
    await continueOne(source, row, shard)
  } catch (thrown) {
    if (!(thrown instanceof AirworthyError) || thrown.code !== 'log.storage') throw thrown
    const stopped = { logId: row.logId, why: thrown.message, retrySeconds: failedRetrySeconds }
    await stop(source, stopped)
  }
}

async function continueOne(
  source: DeletionSource,
  row: ShardDeletionRow,
  shard: Shard,
): Promise<void> {
  const { db, organisationId } = source
  if (row.state === 'announced' && !(await begin(source, row, shard))) return
  if (!(await deleteFiles(source, shard))) return
  source.onStep?.('deletion.objects.done')
  const outcome = await finishShardDeletion(db, organisationId, row.logId)
  if (outcome.kind === 'held') await stopForHolds(source, row.logId, outcome.legalHolds)
  else if (outcome.kind === 'busy') {
    const why = 'somebody reads the log in one long transaction'
    await stop(source, { logId: row.logId, why, retrySeconds: busyRetrySeconds })
  } else {
    source.onStep?.('deletion.done')
    source.log('a shard of the log was deleted', { log: row.logId, size: row.size })
  }
}

/** False as long as the announcement is not published, or something keeps the shard. */
async function begin(
  source: DeletionSource,
  row: ShardDeletionRow,
  shard: Shard,
): Promise<boolean> {
  const { db, organisationId, mustBeWitnessed, onStep } = source
  onStep?.('deletion.announced')
  const index = Number(row.announcedSeq)
  const of = { logId: row.announcedLogId, index, mustBeWitnessed }
  const covering = await findCoveringCheckpoint(db, organisationId, of)
  const announcer = await findShard(db, organisationId, { logId: row.announcedLogId })
  const published = announcer === undefined ? 0 : await publishedSize(source, announcer)
  if (covering === undefined || published <= index) return false
  if ((await publishedSize(source, shard)) !== shard.size) {
    const why = 'its final checkpoint is not published in the store'
    await stop(source, { logId: row.logId, why, retrySeconds: heldRetrySeconds })
    return false
  }
  const holds = await beginShardDeletion(db, organisationId, row.logId)
  if (holds.length > 0) await stopForHolds(source, row.logId, holds)
  else onStep?.('deletion.begun')
  return holds.length === 0
}

/** Of the checkpoint that readers get; 0 where there is none. */
async function publishedSize({ store }: DeletionSource, shard: Shard): Promise<number> {
  const found = await store.read(logFiles(store, shard.name).nameOf(checkpointPath))
  try {
    return found === undefined ? 0 : parseCheckpoint(found.bytes).size
  } catch (thrown) {
    if (thrown instanceof TlogError) return 0
    throw thrown
  }
}

/** True when no tile and no bundle is left. */
async function deleteFiles(source: DeletionSource, shard: Shard): Promise<boolean> {
  const { db, organisationId, store, onStep } = source
  const logId = String(shard.logId)
  const below = logFiles(store, shard.name).nameOf(tilesPath)
  const began = performance.now()
  do {
    const holds = await holdsOf(db, organisationId, logId)
    if (holds.length > 0) {
      await stopForHolds(source, logId, holds)
      return false
    }
    const { removed, isDone, refusal } = await store.removeBelow(below, { limit: objectsPage })
    if (removed > 0) await countDeletedObjects(db, organisationId, { logId, count: removed })
    onStep?.('deletion.objects')
    if (refusal !== undefined) {
      const why = `the store keeps the files: ${refusal}`
      await stop(source, { logId, why, retrySeconds: refusedRetrySeconds })
      return false
    }
    if (isDone) return true
  } while (performance.now() - began < turnMs)
  return false
}

/** Of files that somebody made again while they were deleted. */
export async function removeLeftovers(store: ObjectStore, shard: Shard): Promise<void> {
  const below = logFiles(store, shard.name).nameOf(tilesPath)
  for (;;) {
    const { removed, isDone } = await store.removeBelow(below, { limit: objectsPage })
    if (isDone || removed === 0) return
  }
}

function stopForHolds(
  source: DeletionSource,
  logId: string,
  holds: readonly string[],
): Promise<void> {
  const named = holds.slice(0, 3).join(', ')
  const why = `legal holds keep it: ${named}${holds.length > 3 ? ', …' : ''}`
  return stop(source, { logId, why, retrySeconds: heldRetrySeconds })
}

async function stop(
  { db, organisationId, log }: DeletionSource,
  stopped: { readonly logId: string; readonly why: string; readonly retrySeconds: number },
): Promise<void> {
  await stopShardDeletion(db, organisationId, stopped)
  log('the deletion of a shard of the log waits', { log: stopped.logId, why: stopped.why })
}
