import { AirworthyError } from '../../core/errors.ts'
import type { CompiledLimit } from '../../core/pact/compiled.ts'
import { type BudgetLimits, budgetLimitsOf, limitMax } from '../../store/budgets/budgets.ts'

/** A pact's limit as budgets hold it. Throws `manifest.invalid` for more than an int8 can count. */
export function limitsOf(limit: CompiledLimit): BudgetLimits {
  const money = limit.moneyNanoUsd
  if (money !== undefined && money > limitMax) {
    throw new AirworthyError(
      'manifest.invalid',
      'limits: moneyUsd is more than 9,223,372,036 US dollars',
    )
  }
  return budgetLimitsOf(limit)
}
