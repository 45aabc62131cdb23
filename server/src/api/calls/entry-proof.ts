// What a receipt says of one entry: at once a signed promise, and the proof when a checkpoint has it.
import { leafHash } from '../../core/audit/entry.ts'
import { promiseWithinMs, signPromise } from '../../core/audit/promise.ts'
import { logFiles, tilesOf } from '../../adapters/objects/log-files.ts'
import { formatProofFile } from '../../core/tlog/proof-file.ts'
import { proveInclusion } from '../../core/tlog/proof.ts'
import type { CallEntry } from '../../store/log/call-entries.ts'
import { findCoveringCheckpoint } from '../../store/log/checkpoints.ts'
import type { Context } from '../operation.ts'

export type ProofContext = Pick<Context, 'db' | 'organisationId' | 'publishedLog'>

/** The signed promise; null where the log has no origin yet, or its key is on another machine. */
export async function promiseOf(
  { publishedLog }: ProofContext,
  { shard, seq, entry }: CallEntry,
): Promise<string | null> {
  const { origin, logKey } = shard
  if (origin === undefined || logKey === undefined) return null
  const signer = publishedLog.signerOf(origin, logKey)
  if (signer === undefined) return null
  const deadlineMs = timeOf(entry) + promiseWithinMs
  return signPromise({ origin, index: Number(seq), leaf: leafHash(entry), deadlineMs }, signer)
}

/** The .tlog-proof file; null until a checkpoint (witnessed, where that is asked for) has the entry. */
export async function proofFileOf(
  { db, organisationId, publishedLog }: ProofContext,
  { shard, seq }: CallEntry,
): Promise<string | null> {
  const index = Number(seq)
  const checkpoint = await findCoveringCheckpoint(db, organisationId, {
    logId: String(shard.logId),
    index,
    mustBeWitnessed: publishedLog.mustBeWitnessed,
  })
  if (checkpoint === undefined) return null
  const { size, note } = checkpoint
  const readTile = tilesOf(logFiles(publishedLog.store, shard.name), size)
  const proof = await proveInclusion({ index, size, readTile })
  return formatProofFile({ index, proof, checkpoint: Buffer.from(note) }).toString()
}

/** The entry's own time: the database's clock, Unix milliseconds. */
function timeOf(entry: Buffer): number {
  const parsed: unknown = JSON.parse(entry.toString())
  const at = typeof parsed === 'object' && parsed !== null && 'at' in parsed ? parsed.at : undefined
  return Date.parse(String(at))
}
