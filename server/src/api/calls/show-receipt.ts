// GET /v1/calls/{id}/receipt
import type { Receipt } from '@airworthy/sdk'
import { z } from 'zod'
import { findEntries } from '../../store/entries.ts'
import { presentEntry } from '../entries/entry.ts'
import { defineOperation } from '../operation.ts'
import { id, idParams, integerText } from '../schemas.ts'
import { requireCall } from './call.ts'

const receiptEntry = z
  .object({ seq: integerText, hash: z.string(), entry: z.string() })
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
  summary: 'Show the entries of a call: its intent, and its outcome once it has one',
  roles: ['operator'],
  params: idParams,
  reply,
  errors: ['call.unknown'],
  run: async ({ db, organisationId }, { params }) => {
    const call = await requireCall(db, organisationId, params.id)
    const seqs = [call.intentSeq, call.outcomeSeq].filter((seq) => seq !== null)
    const rows = await findEntries(db, organisationId, { logId: call.logId, seqs })
    const entryOf = (seq: string | null): Receipt['intent'] => {
      const row = rows.find((each) => each.seq === seq)
      return row === undefined ? null : presentEntry(row)
    }
    return {
      call: call.callId,
      logId: call.logId,
      intent: entryOf(call.intentSeq),
      outcome: entryOf(call.outcomeSeq),
    }
  },
})
