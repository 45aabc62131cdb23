// GET /v1/calls/{id}/receipt
import type { Receipt, ReceiptEntry } from '@airworthy/sdk'
import { z } from 'zod'
import { leafHash } from '../../core/audit/entry.ts'
import { AirworthyError } from '../../core/errors.ts'
import { type CallEntry, findCallEntry } from '../../store/call-entries.ts'
import { findShard } from '../../store/checkpoints.ts'
import { requireEntries } from '../../store/shard-deletions.ts'
import { type Context, defineOperation, RawReply } from '../operation.ts'
import { id, idParams, integerText } from '../schemas.ts'
import { requireCall } from './call.ts'
import { promiseOf, proofFileOf } from './entry-proof.ts'

const receiptEntry = z
  .object({
    logId: integerText,
    seq: integerText,
    hash: z.string(),
    entry: z.string(),
    promise: z.string().nullable().meta({
      description: 'A signed note: that the entry will be in a checkpoint before a deadline.',
    }),
    proof: z.string().nullable().meta({
      description: 'The C2SP tlog-proof; null until a signed checkpoint has the entry.',
    }),
  })
  .meta({ id: 'ReceiptEntry' })

const reply: z.ZodType<Receipt> = z
  .object({
    call: id,
    logId: integerText,
    intent: receiptEntry.nullable(),
    outcome: receiptEntry.nullable(),
  })
  .meta({ id: 'Receipt' })

export const showReceipt = defineOperation({
  id: 'show-receipt',
  method: 'GET',
  path: '/v1/calls/{id}/receipt',
  summary: 'Show the entries of a call, promised and proved: its intent, and its outcome',
  roles: ['operator', 'auditor'],
  params: idParams,
  query: z.strictObject({
    format: z
      .enum(['json', 'tlog-proof'])
      .exactOptional()
      .meta({ description: '`tlog-proof` answers the proof file of one entry alone.' }),
    of: z
      .enum(['intent', 'outcome'])
      .exactOptional()
      .meta({ description: 'Whose proof file. Default: the outcome, else the intent.' }),
  }),
  reply,
  errors: ['call.unknown', 'log.not_published', 'log.shard_deleted'],
  run: async (context, { params, query }) => {
    const { db, organisationId } = context
    const call = await requireCall(db, organisationId, params.id)
    const { callId, logId } = call
    await context.logAccess('log')
    const find = async (seq: string | null): Promise<CallEntry | undefined> =>
      seq === null ? undefined : findCallEntry(db, organisationId, { callId, logId, seq })
    const intent = await find(call.intentSeq)
    const outcome = await find(call.outcomeSeq)
    if (intent === undefined && outcome === undefined) await requireShard(context, logId)
    if (query.format === 'tlog-proof') {
      const wanted = query.of === 'intent' ? intent : (outcome ?? intent)
      return proofReply(context, query.of === 'outcome' ? outcome : wanted)
    }
    return {
      call: callId,
      logId,
      intent: await present(context, intent),
      outcome: await present(context, outcome),
    }
  },
})

/** A receipt with no entry says why: its shard is deleted. Throws `log.shard_deleted`. */
async function requireShard({ db, organisationId }: Context, logId: string): Promise<void> {
  const shard = await findShard(db, organisationId, { logId })
  if (shard !== undefined) await requireEntries(db, organisationId, shard)
}

async function present(
  context: Context,
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

async function proofReply(context: Context, found: CallEntry | undefined): Promise<RawReply> {
  const file = found === undefined ? null : await proofFileOf(context, found)
  if (file !== null) return new RawReply('text/plain; charset=utf-8', file)
  throw new AirworthyError(
    'log.not_published',
    'no signed checkpoint has the entry yet: ask again in a second',
  )
}
