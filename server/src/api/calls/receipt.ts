// The receipt of a call: the entries of its intent and its outcome, each promised and proved.
import type { Receipt, ReceiptEntry } from '@airworthy/sdk'
import { leafHash } from '../../core/audit/entry.ts'
import { AirworthyError } from '../../core/errors.ts'
import { type CallEntry, findCallEntry } from '../../store/log/call-entries.ts'
import type { CallRow } from '../../store/calls/calls.ts'
import { findShard } from '../../store/log/checkpoints.ts'
import { requireEntries } from '../../store/log/shard-deletions.ts'
import { promiseOf, type ProofContext, proofFileOf } from './entry-proof.ts'

/** Throws `log.shard_deleted`. */
export async function readReceipt(context: ProofContext, call: CallRow): Promise<Receipt> {
  const { intent, outcome } = await findEntries(context, call)
  return {
    call: call.callId,
    logId: call.logId,
    intent: await present(context, intent),
    outcome: await present(context, outcome),
  }
}

/**
 * The .tlog-proof file of one entry; of the outcome, else of the intent, where it is not said which.
 * Throws `log.not_published` and `log.shard_deleted`.
 */
export async function readProofFile(
  context: ProofContext,
  call: CallRow,
  of: 'intent' | 'outcome' | undefined,
): Promise<string> {
  const { intent, outcome } = await findEntries(context, call)
  const wanted = { intent, outcome, any: outcome ?? intent }[of ?? 'any']
  const file = wanted === undefined ? null : await proofFileOf(context, wanted)
  if (file !== null) return file
  throw new AirworthyError(
    'log.not_published',
    'no signed checkpoint has the entry yet: ask again in a second',
  )
}

async function findEntries(
  context: ProofContext,
  { callId, logId, intentSeq, outcomeSeq }: CallRow,
): Promise<{ intent: CallEntry | undefined; outcome: CallEntry | undefined }> {
  const { db, organisationId } = context
  const find = async (seq: string | null): Promise<CallEntry | undefined> =>
    seq === null ? undefined : findCallEntry(db, organisationId, { callId, logId, seq })
  const intent = await find(intentSeq)
  const outcome = await find(outcomeSeq)
  if (intent === undefined && outcome === undefined) await requireShard(context, logId)
  return { intent, outcome }
}

/** A receipt with no entry says why: its shard is deleted. Throws `log.shard_deleted`. */
async function requireShard({ db, organisationId }: ProofContext, logId: string): Promise<void> {
  const shard = await findShard(db, organisationId, { logId })
  if (shard !== undefined) await requireEntries(db, organisationId, shard)
}

async function present(
  context: ProofContext,
  found: CallEntry | undefined,
): Promise<ReceiptEntry | null> {
  if (found === undefined) return null
  const { shard, seq, entry } = found
  return {
    logId: String(shard.logId),
    seq,
    hash: leafHash(entry).toString('base64url'),
    entry: entry.toString(),
    promise: await promiseOf(context, found),
    proof: await proofFileOf(context, found),
  }
}
