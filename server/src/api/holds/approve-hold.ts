// POST /v1/holds/{id}/approve
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { decidedHoldSchema, decideHold, decideHoldSchema, voteErrors } from './hold.ts'

export const approveHold = defineOperation({
  id: 'approve-hold',
  method: 'POST',
  path: '/v1/holds/{id}/approve',
  summary: 'Vote for a held call: approved, it is decided again, on fresh facts, and executed',
  roles: ['operator', 'approver'],
  params: idParams,
  body: decideHoldSchema,
  reply: decidedHoldSchema,
  errors: voteErrors,
  run: (context, { params, body }) =>
    decideHold(context, { holdId: params.id, vote: 'approve', body }),
})
