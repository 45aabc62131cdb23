import type { Requester } from './requester.ts'
import type {
  BudgetAlertPage,
  BudgetList,
  BudgetPolicy,
  BudgetSet,
  ReconcileCalls,
  Reconciliation,
  RemovedBudget,
  SetBudget,
} from './wire/budget.ts'

/** Budgets of the organisation, and what holds them back. */
export function budgetOperations(
  { get, post }: Pick<Requester, 'get' | 'post'>,
  slow: { readonly timeoutMs: number },
) {
  return {
    listBudgets: (query: { ledgers?: number } = {}) => get<BudgetList>('/v1/budgets', query),
    getBudget: (name: string, query: { ledgers?: number } = {}) =>
      get<BudgetPolicy>(`/v1/budgets/${encodeURIComponent(name)}`, query),
    /** Makes the budget, or sets all of it anew. */
    setBudget: (name: string, body: SetBudget) =>
      post<BudgetSet>(`/v1/budgets/${encodeURIComponent(name)}`, body),
    removeBudget: (name: string) =>
      post<RemovedBudget>(`/v1/budgets/${encodeURIComponent(name)}/remove`, {}),
    listBudgetAlerts: (query: { budget?: string; after?: string; limit?: number } = {}) =>
      get<BudgetAlertPage>('/v1/budgets/alerts', query),
    reconcileCalls: (body: ReconcileCalls) =>
      post<Reconciliation>('/v1/calls/reconcile', body, slow),
  }
}
