// POST /v1/operators/{id}/keys/{key}/revoke
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import {
  findOperatorKey,
  revokeOperatorKey as writeRevoked,
} from '../../store/identity/operator-keys.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { operatorKeySchema, presentOperatorKey, thumbprintSchema } from './operator-key.ts'
import { operatorId, requireOperator } from './operator-params.ts'

export const revokeOperatorKey = defineOperation({
  id: 'revoke-operator-key',
  method: 'POST',
  path: '/v1/operators/{id}/keys/{key}/revoke',
  summary: 'Revoke a key that votes are signed with; its votes that decided nothing yet are void',
  roles: ['operator', 'approver'],
  params: z.strictObject({ id: operatorId, key: thumbprintSchema }),
  reply: operatorKeySchema,
  errors: ['request.not_found'],
  run: (context, { params }) => {
    const { db, organisationId, operator: by } = context
    return runCommand(db, organisationId, async (tx) => {
      const operator = await requireOperator({ ...context, db: tx }, params.id)
      if (operator.operatorId !== by.operatorId && by.role !== 'admin') {
        throw new AirworthyError('auth.forbidden', "only an admin revokes another's key")
      }
      const read = () => findOperatorKey(tx, organisationId, params.key)
      const key = await read()
      if (key?.operatorId !== operator.operatorId) {
        throw new AirworthyError('request.not_found', 'the operator has no such key')
      }
      if (key.revokedAt === null) {
        await writeRevoked(tx, organisationId, { key, by: by.operatorId })
      }
      return presentOperatorKey((await read()) ?? key)
    })
  },
})
