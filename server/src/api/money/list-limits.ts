// GET /v1/limits
import type { LimitList } from '@airworthy/sdk'
import { z } from 'zod'
import { ledgersQuery } from '../budgets/budget.ts'
import { defineOperation } from '../operation.ts'
import { limitSchema, readLimits } from './limit.ts'

const ledgersMax = 100

const reply: z.ZodType<LimitList> = z
  .object({ limits: z.array(limitSchema) })
  .meta({ id: 'LimitList' })

export const listLimits = defineOperation({
  id: 'list-limits',
  method: 'GET',
  path: '/v1/limits',
  summary: 'List the limits on money, with what is used of each',
  roles: ['operator', 'auditor'],
  query: ledgersQuery(ledgersMax),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => ({
    limits: await readLimits(db, organisationId, { ledgersMax: query.ledgers }),
  }),
})
