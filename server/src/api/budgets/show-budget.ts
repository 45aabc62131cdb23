// GET /v1/budgets/{name}
import { defineOperation } from '../operation.ts'
import { budgetPolicySchema, ledgersQuery, nameParams, requireBudget } from './budget.ts'

const ledgersMax = 1_000

export const showBudget = defineOperation({
  id: 'show-budget',
  method: 'GET',
  path: '/v1/budgets/{name}',
  summary: 'Show a budget, with what each of its subjects has used',
  roles: ['operator', 'auditor'],
  params: nameParams,
  query: ledgersQuery(ledgersMax),
  reply: budgetPolicySchema,
  errors: ['budget.unknown'],
  run: async ({ db, organisationId }, { params, query }) =>
    requireBudget(db, organisationId, { name: params.name, ledgersMax: query.ledgers }),
})
