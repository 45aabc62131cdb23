// POST /v1/budgets/{name}/remove
import type { RemovedBudget } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { removeBudgetPolicy } from '../../store/budgets/budget-policies.ts'
import { defineOperation } from '../operation.ts'
import { nameParams } from './budget.ts'

const reply: z.ZodType<RemovedBudget> = z.object({ name: z.string() }).meta({ id: 'RemovedBudget' })

export const removeBudget = defineOperation({
  id: 'remove-budget',
  method: 'POST',
  path: '/v1/budgets/{name}/remove',
  summary: 'End a budget: what it counted is forgotten with it',
  roles: ['operator'],
  params: nameParams,
  reply,
  errors: ['budget.unknown'],
  run: async ({ db, organisationId, operator }, { params }) => {
    const { name } = params
    const command = { name, operatorId: operator.operatorId }
    if (!(await removeBudgetPolicy(db, organisationId, command))) {
      throw new AirworthyError('budget.unknown', `there is no budget ${name}`)
    }
    return { name }
  },
})
