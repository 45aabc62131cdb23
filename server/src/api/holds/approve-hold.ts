// POST /v1/holds/{id}/approve
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { decidedHoldSchema, decideHold, decideHoldSchema } from './hold.ts'

export const approveHold = defineOperation({
  id: 'approve-hold',
  method: 'POST',
  path: '/v1/holds/{id}/approve',
  summary: 'Approve a held call: it is decided again, on fresh facts, and executed',
  roles: ['operator', 'approver'],
  params: idParams,
  body: decideHoldSchema,
  reply: decidedHoldSchema,
  errors: ['hold.unknown', 'hold.settled', 'hold.expired'],
  run: (context, { params, body }) =>
    decideHold(context, { holdId: params.id, vote: 'approve', reason: body.reason }),
})
