// GET /v1/calls/{id}
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { callSchema, presentCall, requireCall } from './call.ts'

export const showCall = defineOperation({
  id: 'show-call',
  method: 'GET',
  path: '/v1/calls/{id}',
  summary: 'Show a call: its decision, state, usage, cost and effect',
  roles: ['operator', 'auditor'],
  params: idParams,
  reply: callSchema,
  errors: ['call.unknown'],
  run: async ({ db, organisationId }, { params }) =>
    presentCall(await requireCall(db, organisationId, params.id)),
})
