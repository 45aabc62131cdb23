// POST /v1/operators/{id}/revoke
import { AirworthyError } from '../../core/errors.ts'
import { mayGrant } from '../../core/identity/roles.ts'
import { findOperator, revokeOperator as writeRevoked } from '../../store/identity/operators.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { operatorSchema, presentOperator } from './operator.ts'

export const revokeOperator = defineOperation({
  id: 'revoke-operator',
  method: 'POST',
  path: '/v1/operators/{id}/revoke',
  summary: "Revoke another's key; revoking it again changes nothing",
  roles: ['operator'],
  params: idParams,
  reply: operatorSchema,
  errors: ['request.not_found'],
  run: ({ db, organisationId, operator }, { params }) =>
    runCommand(db, organisationId, async (tx) => {
      if (params.id === operator.operatorId) {
        // Somebody must be left who can add operators.
        throw new AirworthyError('request.invalid', 'nobody can revoke the key that asks for it')
      }
      const read = () => findOperator(tx, organisationId, params.id)
      const before = await read()
      if (before === undefined) {
        throw new AirworthyError('request.not_found', `there is no operator ${params.id}`)
      }
      if (!mayGrant(operator.role, before.role)) {
        throw new AirworthyError('auth.forbidden', `only an admin may revoke an ${before.role}`)
      }
      if (before.revokedAt === null) await writeRevoked(tx, organisationId, params.id)
      return presentOperator((await read()) ?? before)
    }),
})
