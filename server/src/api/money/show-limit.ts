// GET /v1/limits/{name}
import { ledgersQuery } from '../budgets/budget.ts'
import { defineOperation } from '../operation.ts'
import { limitSchema, nameParams, requireLimit } from './limit.ts'

const ledgersMax = 1_000

export const showLimit = defineOperation({
  id: 'show-limit',
  method: 'GET',
  path: '/v1/limits/{name}',
  summary: 'Show a limit on money, with what each of its subjects has used',
  roles: ['operator', 'auditor'],
  params: nameParams,
  query: ledgersQuery(ledgersMax),
  reply: limitSchema,
  errors: ['limit.unknown'],
  run: async ({ db, organisationId }, { params, query }) =>
    requireLimit(db, organisationId, { name: params.name, ledgersMax: query.ledgers }),
})
