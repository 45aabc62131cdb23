// POST /v1/holds/{id}/reject
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { decidedHoldSchema, decideHold, decideHoldSchema } from './hold.ts'

export const rejectHold = defineOperation({
  id: 'reject-hold',
  method: 'POST',
  path: '/v1/holds/{id}/reject',
  summary: 'Reject a held call: it is denied',
  roles: ['operator', 'approver'],
  params: idParams,
  body: decideHoldSchema,
  reply: decidedHoldSchema,
  errors: ['hold.unknown', 'hold.settled', 'hold.expired'],
  run: (context, { params, body }) =>
    decideHold(context, { holdId: params.id, vote: 'reject', reason: body.reason }),
})
