// POST /v1/operators
import type { AddedOperator, AddOperator } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { mayGrant } from '../../core/identity/roles.ts'
import { findActiveOperator, findOperator, insertOperator } from '../../store/identity/operators.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { text } from '../schemas.ts'
import { operatorSchema, presentOperator, roleSchema, teamsSchema } from './operator.ts'

const body: z.ZodType<AddOperator> = z
  .strictObject({
    name: text({ min: 1, max: 100 }),
    role: roleSchema,
    teams: teamsSchema.exactOptional(),
  })
  .meta({ id: 'AddOperator' })

const reply: z.ZodType<AddedOperator> = z
  .object({
    operator: operatorSchema,
    key: z.string().meta({ description: 'Shown once; stored as a hash.' }),
  })
  .meta({ id: 'AddedOperator' })

export const addOperator = defineOperation({
  id: 'add-operator',
  method: 'POST',
  path: '/v1/operators',
  summary:
    'Add an operator, or who may do less: launcher, approver, auditor; only an admin adds these',
  roles: ['operator'],
  body,
  reply,
  errors: [],
  run: ({ db, organisationId, operator }, { body: request }) =>
    runCommand(db, organisationId, async (tx) => {
      if (!mayGrant(operator.role, request.role)) {
        throw new AirworthyError('auth.forbidden', `only an admin may add an ${request.role}`)
      }
      if ((await findActiveOperator(tx, organisationId, request.name)) !== undefined) {
        throw new AirworthyError('request.invalid', 'body.name: the name is taken')
      }
      if ((request.teams ?? []).length > 0 && operator.role !== 'admin') {
        throw new AirworthyError('auth.forbidden', 'only an admin says who is of a team')
      }
      const added = { ...request, addedBy: operator.operatorId }
      const { operatorId, key } = await insertOperator(tx, organisationId, added)
      const row = await findOperator(tx, organisationId, operatorId)
      if (row === undefined) throw new Error('an operator that was just added cannot be read')
      return { operator: presentOperator(row), key }
    }),
})
