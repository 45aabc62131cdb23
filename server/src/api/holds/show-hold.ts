// GET /v1/holds/{id}
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
  reply: holdSchema,
  errors: ['hold.unknown'],
  run: async (context, { params }) => {
    const { db, organisationId } = context
    const { operatorId } = context.operator
    const hold = await requireHold(context, params.id)
    await recordHoldView(db, organisationId, { ...hold, operatorId })
    return presentHold(hold, await openArguments(context, hold))
  },
})
