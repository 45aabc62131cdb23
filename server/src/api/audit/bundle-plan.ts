// What an export covers: which entries of which shard, under which checkpoint.
import { AirworthyError } from '../../core/errors.ts'
import {
  type CheckpointRow,
  findCoveringCheckpoint,
  findLastCheckpoint,
  findShard,
  listCheckpoints,
  listShards,
  type Shard,
} from '../../store/log/checkpoints.ts'
import { requireEntries } from '../../store/log/shard-deletions.ts'
import { findSeqAt } from '../../store/log/entries-at.ts'
import type { NoteSigner } from '../../core/tlog/signatures.ts'
import type { Context } from '../operation.ts'

/** More would make an export heavy to check and prove no more. */
const checkpointsMax = 1_000

export type ExportRange = {
  readonly log?: string | undefined
  /** A number of an entry, or a time (RFC 3339). */
  readonly from?: string | undefined
  /** Not included. */
  readonly to?: string | undefined
}

export type BundlePlan = {
  readonly shard: Shard
  readonly origin: string
  readonly logKey: string
  readonly signer: NoteSigner
  readonly from: number
  readonly to: number
  /** In the order of their sizes; the last one covers the whole range. */
  readonly checkpoints: readonly CheckpointRow[]
  readonly covering: CheckpointRow
}

/** Throws `request.not_found`, `log.not_published` or `audit.range_invalid`. */
export async function planBundle(context: Context, range: ExportRange): Promise<BundlePlan> {
  const { db, organisationId, publishedLog } = context
  const shard = await chooseShard(context, range.log)
  const { origin, logKey } = shard
  const signer =
    origin === undefined || logKey === undefined ? undefined : publishedLog.signerOf(origin, logKey)
  const newest = await findLastCheckpoint(db, organisationId, shard.logId)
  if (origin === undefined || logKey === undefined || newest === undefined) throw notPublished()
  if (signer === undefined) {
    throw new AirworthyError('log.unavailable', 'the key of this log is not on this machine')
  }
  const logId = String(shard.logId)
  const seqOf = async (text: string) =>
    /^\d{1,15}$/.test(text)
      ? Number(text)
      : findSeqAt(db, organisationId, { logId, atMs: Date.parse(text), size: newest.size })
  const from = range.from === undefined ? 0 : await seqOf(range.from)
  const until = range.to === undefined ? newest.size : await seqOf(range.to)
  const to = Math.min(until, newest.size)
  if (from >= to) {
    const message = `there are no published entries from ${from} to ${to} of ${newest.size}`
    throw new AirworthyError('audit.range_invalid', message)
  }
  const covering = await findCoveringCheckpoint(db, organisationId, {
    logId,
    index: to - 1,
    mustBeWitnessed: publishedLog.mustBeWitnessed,
  })
  if (covering === undefined) throw notPublished()
  const page = { logId, fromSize: from + 1, limit: checkpointsMax }
  const found = await listCheckpoints(db, organisationId, page)
  const inside = found.filter(({ size }) => size <= to && size < covering.size)
  const checkpoints = [...inside, covering]
  return { shard, origin, logKey, signer, from, to, checkpoints, covering }
}

async function chooseShard(context: Context, logId: string | undefined): Promise<Shard> {
  const { db, organisationId } = context
  const shard =
    logId === undefined
      ? (await listShards(db, organisationId)).findLast((each) => each.isOpen)
      : await findShard(db, organisationId, { logId })
  if (shard !== undefined) return requireEntries(db, organisationId, shard)
  throw new AirworthyError('request.not_found', `there is no log ${logId ?? ''}`)
}

function notPublished(): AirworthyError {
  return new AirworthyError('log.not_published', 'no signed checkpoint covers these entries yet')
}
