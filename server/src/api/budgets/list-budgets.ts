// GET /v1/budgets
import type { BudgetList } from '@airworthy/sdk'
import { z } from 'zod'
import { defineOperation } from '../operation.ts'
import { budgetPolicySchema, ledgersQuery, readBudgets } from './budget.ts'

/** Of each of a hundred budgets. */
const ledgersMax = 100

const reply: z.ZodType<BudgetList> = z
  .object({ budgets: z.array(budgetPolicySchema) })
  .meta({ id: 'BudgetList' })

export const listBudgets = defineOperation({
  id: 'list-budgets',
  method: 'GET',
  path: '/v1/budgets',
  summary: 'List the budgets of the organisation, with what is used of each',
  roles: ['operator', 'auditor'],
  query: ledgersQuery(ledgersMax),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => ({
    budgets: await readBudgets(db, organisationId, { ledgersMax: query.ledgers }),
  }),
})
