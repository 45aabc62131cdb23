// Whether a call may leave while its intent still commits: a durable lease must cover it.
import { type Amounts, amountIn, type Budget, noLimit } from '../../core/budget/budget.ts'
import type { Batch } from './batch.ts'
import type { Intent } from './types.ts'

/** Only model calls may leave on a lease: what a tool does is never done before it is on record. */
export function takeLease(
  batch: Batch,
  intent: Intent,
  { budgets, reservation }: { budgets: readonly Budget[]; reservation: Amounts },
): boolean {
  if (intent.kind !== 'model' || intent.resume !== undefined) return false
  // Without a budget there is no lease that would tell of the call after a crash.
  let isCovered = budgets.length > 0
  for (const budget of budgets) {
    // What is only counted needs none: a lease of another unit tells of the call.
    if (budget.limit === noLimit) continue
    const amount = amountIn(reservation, budget.unit)
    const left = batch.leaseLeft.get(budget) ?? budget.lease
    batch.leaseLeft.set(budget, left)
    const wanted = batch.leaseWanted.get(budget) ?? { largest: 0n, count: 0n }
    const largest = amount > wanted.largest ? amount : wanted.largest
    batch.leaseWanted.set(budget, { largest, count: wanted.count + 1n })
    if (left < amount) isCovered = false
  }
  if (!isCovered) return false
  for (const budget of budgets) {
    if (budget.limit === noLimit) continue
    const left = batch.leaseLeft.get(budget) ?? 0n
    batch.leaseLeft.set(budget, left - amountIn(reservation, budget.unit))
  }
  return true
}
