// GET /v1/holds/{id}
import { z } from 'zod'
import { recordHoldView } from '../../store/approval-load.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { holdSchema, openArguments, presentHold, requireHold } from './hold.ts'

export const showHold = defineOperation({
  id: 'show-hold',
  method: 'GET',
  path: '/v1/holds/{id}',
  summary: 'Show a hold with the exact arguments that wait',
  roles: ['operator', 'approver'],
  params: idParams,
  query: z.strictObject({
    quiet: z.enum(['true', 'false']).exactOptional().meta({
      description: 'true: a program asks, and nobody is shown it.',
    }),
  }),
  reply: holdSchema,
  errors: ['hold.unknown'],
  run: async (context, { params, query }) => {
    const { db, organisationId } = context
    const { operatorId } = context.operator
    const hold = await requireHold(context, params.id)
    if (query.quiet !== 'true') await recordHoldView(db, organisationId, { ...hold, operatorId })
    return presentHold(hold, await openArguments(context, hold))
  },
})
