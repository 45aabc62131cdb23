// GET /v1/calls/{id}/receipt
import type { Receipt } from '@airworthy/sdk'
import { z } from 'zod'
import { defineOperation, RawReply } from '../operation.ts'
import { id, idParams, integerText } from '../schemas.ts'
import { requireCall } from './call.ts'
import { readProofFile, readReceipt } from './receipt.ts'

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
    await context.logAccess('log')
    if (query.format !== 'tlog-proof') return readReceipt(context, call)
    const file = await readProofFile(context, call, query.of)
    return new RawReply('text/plain; charset=utf-8', file)
  },
})
