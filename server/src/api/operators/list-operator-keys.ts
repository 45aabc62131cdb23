// GET /v1/operators/{id}/keys
import type { OperatorKeys } from '@airworthy/sdk'
import { z } from 'zod'
import { listOperatorKeys as readKeys } from '../../store/identity/operator-keys.ts'
import { defineOperation } from '../operation.ts'
import { id } from '../schemas.ts'
import { operatorKeySchema, presentOperatorKey } from './operator-key.ts'
import { operatorId, requireOperator } from './operator-params.ts'

const reply: z.ZodType<OperatorKeys> = z
  .object({ organisation: id, operator: id, keys: z.array(operatorKeySchema) })
  .meta({ id: 'OperatorKeys' })

export const listOperatorKeys = defineOperation({
  id: 'list-operator-keys',
  method: 'GET',
  path: '/v1/operators/{id}/keys',
  summary: "List an operator's own public keys, revoked ones too",
  roles: ['operator', 'approver', 'auditor'],
  params: z.strictObject({ id: operatorId }),
  reply,
  errors: ['request.not_found'],
  run: async (context, { params }) => {
    const { db, organisationId } = context
    const { operatorId: operator } = await requireOperator(context, params.id)
    const keys = await readKeys(db, organisationId, operator)
    return { organisation: organisationId, operator, keys: keys.map(presentOperatorKey) }
  },
})
