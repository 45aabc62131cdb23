// GET /v1/kills/{id}
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { killDetailSchema, readKillDetail } from './kill.ts'

export const showKill = defineOperation({
  id: 'show-kill',
  method: 'GET',
  path: '/v1/kills/{id}',
  summary: 'Show a kill, and which gateways have confirmed it',
  roles: ['operator', 'approver', 'auditor'],
  params: idParams,
  reply: killDetailSchema,
  errors: ['kill.unknown'],
  run: ({ db, organisationId }, { params }) => readKillDetail(db, organisationId, params.id),
})
