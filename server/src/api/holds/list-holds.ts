// GET /v1/holds
import type { HoldPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listHolds as readHolds } from '../../store/holds/holds.ts'
import { defineOperation } from '../operation.ts'
import { id, nextOf, page } from '../schemas.ts'
import { holdSchema, holdStateSchema, presentHold } from './hold.ts'

const reply: z.ZodType<HoldPage> = z
  .object({ holds: z.array(holdSchema), next: id.nullable() })
  .meta({ id: 'HoldPage' })

export const listHolds = defineOperation({
  id: 'list-holds',
  method: 'GET',
  path: '/v1/holds',
  summary: 'List holds, such as those that wait',
  roles: ['operator', 'approver'],
  query: z.strictObject({ ...page, state: holdStateSchema.exactOptional() }),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => {
    const { after, limit, state } = query
    const rows = await readHolds(db, organisationId, { state, after, limit })
    const ids = rows.map((row) => row.holdId)
    return { holds: rows.map((row) => presentHold(row, null)), next: nextOf(ids, limit) }
  },
})
