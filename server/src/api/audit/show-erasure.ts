// GET /v1/audit/erasures/{id}
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { erasureSchema, presentErasure, requireErasure } from './erasure.ts'

export const showErasure = defineOperation({
  id: 'show-erasure',
  method: 'GET',
  path: '/v1/audit/erasures/{id}',
  summary: 'Show an erasure, and the two entries that prove it',
  roles: ['operator', 'auditor'],
  params: idParams,
  reply: erasureSchema,
  errors: ['erasure.unknown'],
  run: async (context, { params }) => presentErasure(await requireErasure(context, params.id)),
})
