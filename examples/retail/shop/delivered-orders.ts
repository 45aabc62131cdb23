// The two writes on an order that has arrived. Each can be made once: it changes the status.
import { compareText } from './canonical.ts'
import { orderRow, orderView } from './documents.ts'
import type { Order } from './documents.ts'
import { roundToCents } from './money.ts'
import {
  canPay,
  findMissingItem,
  findPaymentMethod,
  planReplacements,
  readOwnedOrder,
} from './orders.ts'
import { refuse } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import type { World } from './world.ts'

export async function returnDeliveredOrderItems(
  world: World,
  input: { order_id: string; item_ids: string[]; payment_method_id: string },
): Promise<Outcome> {
  const found = await readOwnedOrder(world, input.order_id)
  if (found.kind === 'refused') return found
  if (found.order.status !== 'delivered') return refuse('only a delivered order can be returned')
  const method = findPaymentMethod(found.user, input.payment_method_id)
  if (method === undefined) return refuse('the customer has no such payment method')
  const isOriginal = found.order.payment_history[0]?.payment_method_id === method.id
  if (!isOriginal && method.source !== 'gift_card')
    return refuse('a refund goes to a gift card or to the method the order was paid with')
  const missing = findMissingItem(found.order, input.item_ids)
  if (missing !== undefined) return refuse(`the order does not hold item ${missing} that often`)
  return changedOrder({
    ...found.order,
    status: 'return requested',
    return_items: input.item_ids.toSorted(compareText),
    return_payment_method_id: method.id,
  })
}

// Nothing is charged yet: the difference is settled when the items come back.
export async function exchangeDeliveredOrderItems(
  world: World,
  input: {
    order_id: string
    item_ids: string[]
    new_item_ids: string[]
    payment_method_id: string
  },
): Promise<Outcome> {
  const found = await readOwnedOrder(world, input.order_id)
  if (found.kind === 'refused') return found
  if (found.order.status !== 'delivered') return refuse('only a delivered order can be exchanged')
  const plan = await planReplacements(world, {
    order: found.order,
    itemIds: input.item_ids,
    newItemIds: input.new_item_ids,
  })
  if (plan.kind === 'refused') return plan
  const difference = roundToCents(
    plan.replacements.reduce((sum, one) => sum + one.priceDifference, 0),
  )
  const method = findPaymentMethod(found.user, input.payment_method_id)
  if (method === undefined) return refuse('the customer has no such payment method')
  if (!canPay(method, difference)) return refuse('the gift card cannot cover the difference')
  return changedOrder({
    ...found.order,
    status: 'exchange requested',
    exchange_items: input.item_ids.toSorted(compareText),
    exchange_new_items: input.new_item_ids.toSorted(compareText),
    exchange_payment_method_id: method.id,
    exchange_price_difference: difference,
  })
}

function changedOrder(order: Order): Outcome {
  return { kind: 'changed', result: orderView(order), rows: [orderRow(order)] }
}
