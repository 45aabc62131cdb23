// Legal holds as the wire shows them.
import type { LegalHold } from '@airworthy/sdk'
import { z } from 'zod'
import type { LegalHoldRow } from '../../store/audit/legal-holds.ts'
import { id, time } from '../schemas.ts'

export const legalHoldSchema = z
  .object({
    id,
    scope: z.enum(['everything', 'agent', 'subject']),
    agent: z.string().nullable(),
    subject: z.string().nullable().meta({ description: 'A keyed hash of the name.' }),
    reason: z.string(),
    placedAt: time,
    releasedAt: time.nullable(),
  })
  .meta({ id: 'LegalHold' }) satisfies z.ZodType<LegalHold>

export function presentLegalHold(row: LegalHoldRow): LegalHold {
  return {
    id: row.legalHoldId,
    scope: row.scope,
    agent: row.agentName,
    subject: row.subjectId?.toString('base64url') ?? null,
    reason: row.reason,
    placedAt: row.placedAt.toISOString(),
    releasedAt: row.releasedAt?.toISOString() ?? null,
  }
}
