// GET /v1/handovers
import type { HandoverPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listHandovers as readHandovers } from '../../store/handover/handovers.ts'
import { defineOperation } from '../operation.ts'
import { id, nextOf, page } from '../schemas.ts'
import { handoverFilter, handoverSchema, presentHandover, statesOf } from './handover.ts'

const reply: z.ZodType<HandoverPage> = z
  .object({ handovers: z.array(handoverSchema), next: id.nullable() })
  .meta({ id: 'HandoverPage' })

export const listHandovers = defineOperation({
  id: 'list-handovers',
  method: 'GET',
  path: '/v1/handovers',
  summary: 'List sessions that went to a person',
  roles: ['operator', 'approver', 'auditor'],
  query: z.strictObject({ ...page, state: handoverFilter.default('live') }),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => {
    const { after, limit, state } = query
    const rows = await readHandovers(db, organisationId, { states: statesOf(state), after, limit })
    const ids = rows.map((row) => row.handoverId)
    return { handovers: rows.map(presentHandover), next: nextOf(ids, limit) }
  },
})
