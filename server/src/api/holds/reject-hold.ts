// POST /v1/holds/{id}/reject
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { decidedHoldSchema, decideHold, decideHoldSchema, voteErrors } from './hold.ts'

export const rejectHold = defineOperation({
  id: 'reject-hold',
  method: 'POST',
  path: '/v1/holds/{id}/reject',
  summary: 'Vote against a held call: rejected, it is denied',
  roles: ['operator', 'approver'],
  params: idParams,
  body: decideHoldSchema,
  reply: decidedHoldSchema,
  errors: voteErrors,
  run: (context, { params, body }) =>
    decideHold(context, { holdId: params.id, vote: 'reject', body }),
})
