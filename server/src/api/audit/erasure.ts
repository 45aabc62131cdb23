// Erasures as the wire shows them.
import type { Erasure } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { type ErasureRow, findErasure } from '../../store/audit/erasures.ts'
import type { Context } from '../operation.ts'
import { id, integerText, time } from '../schemas.ts'

export const erasureSchema = z
  .object({
    id,
    subject: z.string().meta({ description: 'A keyed hash of the name.' }),
    state: z.enum(['requested', 'done']),
    keys: z.int(),
    sessions: z.int(),
    payloads: integerText,
    reason: z.string(),
    requestedEntry: z.string().meta({ description: '`<log id>:<seq>`' }),
    doneEntry: z.string().nullable(),
    requestedAt: time,
    doneAt: time.nullable(),
  })
  .meta({ id: 'Erasure' }) satisfies z.ZodType<Erasure>

export function presentErasure(row: ErasureRow): Erasure {
  return {
    id: row.erasureId,
    subject: row.subjectId,
    state: row.state,
    keys: row.keys,
    sessions: row.sessions,
    payloads: row.payloads,
    reason: row.reason,
    requestedEntry: `${row.logId}:${row.requestedSeq}`,
    doneEntry: row.doneSeq === null ? null : `${row.doneLogId}:${row.doneSeq}`,
    requestedAt: row.requestedAt.toISOString(),
    doneAt: row.doneAt?.toISOString() ?? null,
  }
}

/** Throws `erasure.unknown`. */
export async function requireErasure(context: Context, erasureId: string): Promise<ErasureRow> {
  const row = await findErasure(context.db, context.organisationId, erasureId)
  if (row !== undefined) return row
  throw new AirworthyError('erasure.unknown', `there is no erasure ${erasureId}`)
}
