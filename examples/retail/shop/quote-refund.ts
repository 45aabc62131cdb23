import { roundToCents } from './money.ts'
import { findItem, findMissingItem, readOwnedOrder } from './orders.ts'
import { answer, refuse } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { refundsOnCancel } from './pending-orders.ts'
import type { World } from './world.ts'

// What cancelling would refund or, when items are named, what returning them would. Refused where
// the write itself would be, so that nobody approves an amount that cannot happen.
export async function quoteRefund(
  world: World,
  input: { order_id: string; item_ids?: string[] | undefined },
): Promise<Outcome> {
  const found = await readOwnedOrder(world, input.order_id)
  if (found.kind === 'refused') return found
  const { order } = found
  if (input.item_ids === undefined) {
    if (order.status !== 'pending') return refuse('only a pending order can be cancelled')
    return quote(refundsOnCancel(order).map((refund) => refund.amount))
  }
  if (order.status !== 'delivered') return refuse('only a delivered order can be returned')
  const missing = findMissingItem(order, input.item_ids)
  if (missing !== undefined) return refuse(`the order does not hold item ${missing} that often`)
  return quote(input.item_ids.map((id) => findItem(order, id)?.price ?? 0))
}

// A quote is money to be judged by a rule, so it is whole cents.
function quote(amounts: number[]): Outcome {
  const sum = amounts.reduce((total, amount) => total + amount, 0)
  return answer({ amount: roundToCents(sum), currency: 'USD' })
}
