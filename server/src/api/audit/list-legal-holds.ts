// GET /v1/audit/legal-holds
import type { LegalHoldPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listLegalHolds as readHolds } from '../../store/audit/legal-holds.ts'
import { defineOperation } from '../operation.ts'
import { id, nextOf, page } from '../schemas.ts'
import { legalHoldSchema, presentLegalHold } from './legal-hold.ts'

const reply: z.ZodType<LegalHoldPage> = z
  .object({ legalHolds: z.array(legalHoldSchema), next: id.nullable() })
  .meta({ id: 'LegalHoldPage' })

export const listLegalHolds = defineOperation({
  id: 'list-legal-holds',
  method: 'GET',
  path: '/v1/audit/legal-holds',
  summary: 'List legal holds, released ones too',
  roles: ['operator', 'auditor'],
  query: z.strictObject(page),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => {
    const { after, limit } = query
    const rows = await readHolds(db, organisationId, { after, limit })
    const ids = rows.map((row) => row.legalHoldId)
    return { legalHolds: rows.map(presentLegalHold), next: nextOf(ids, limit) }
  },
})
