// GET /v1/audit/erasures
import type { ErasurePage } from '@airworthy/sdk'
import { z } from 'zod'
import { listErasures as readErasures } from '../../store/audit/erasures.ts'
import { defineOperation } from '../operation.ts'
import { id, nextOf, page } from '../schemas.ts'
import { erasureSchema, presentErasure } from './erasure.ts'

const reply: z.ZodType<ErasurePage> = z
  .object({ erasures: z.array(erasureSchema), next: id.nullable() })
  .meta({ id: 'ErasurePage' })

export const listErasures = defineOperation({
  id: 'list-erasures',
  method: 'GET',
  path: '/v1/audit/erasures',
  summary: 'List the erasures of data subjects',
  roles: ['operator', 'auditor'],
  query: z.strictObject(page),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => {
    const { after, limit } = query
    const rows = await readErasures(db, organisationId, { after, limit })
    const ids = rows.map((row) => row.erasureId)
    return { erasures: rows.map(presentErasure), next: nextOf(ids, limit) }
  },
})
