// The four writes on an order that has not been processed yet.
import { orderRow, orderView, userRow } from './documents.ts'
import type { Address, Order, Payment, Row, User } from './documents.ts'
import {
  canPay,
  creditPaymentMethod,
  findItem,
  findPaymentMethod,
  planReplacements,
  readOwnedOrder,
} from './orders.ts'
import type { Replacement } from './orders.ts'
import { refuse } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import type { World } from './world.ts'

// An order whose items were modified still ships somewhere, so its address may change; it can
// neither be cancelled nor have its items modified again.
function isPending(order: Order): boolean {
  return order.status === 'pending' || order.status === 'pending (item modified)'
}

// Every payment line comes back to where it came from.
export function refundsOnCancel(order: Order): Payment[] {
  return order.payment_history.map((payment) => ({
    transaction_type: 'refund',
    amount: payment.amount,
    payment_method_id: payment.payment_method_id,
  }))
}

export async function cancelPendingOrder(
  world: World,
  input: { order_id: string; reason: string },
): Promise<Outcome> {
  const found = await readOwnedOrder(world, input.order_id)
  if (found.kind === 'refused') return found
  if (found.order.status !== 'pending') return refuse('only a pending order can be cancelled')
  const refunds = refundsOnCancel(found.order)
  const order: Order = {
    ...found.order,
    status: 'cancelled',
    cancel_reason: input.reason,
    payment_history: [...found.order.payment_history, ...refunds],
  }
  const user = refunds.reduce(
    (credited, refund) => creditPaymentMethod(credited, refund.payment_method_id, refund.amount),
    found.user,
  )
  return changedOrder(order, { before: found.user, after: user })
}

export async function modifyPendingOrderAddress(
  world: World,
  input: { order_id: string } & Address,
): Promise<Outcome> {
  const found = await readOwnedOrder(world, input.order_id)
  if (found.kind === 'refused') return found
  if (!isPending(found.order)) return refuse('only a pending order can be sent elsewhere')
  const { order_id: _, ...address } = input
  const order = { ...found.order, address }
  return changedOrder(order, { before: found.user, after: found.user })
}

export async function modifyPendingOrderPayment(
  world: World,
  input: { order_id: string; payment_method_id: string },
): Promise<Outcome> {
  const found = await readOwnedOrder(world, input.order_id)
  if (found.kind === 'refused') return found
  if (!isPending(found.order)) return refuse('only a pending order can be paid differently')
  const method = findPaymentMethod(found.user, input.payment_method_id)
  if (method === undefined) return refuse('the customer has no such payment method')
  const [first, ...others] = found.order.payment_history
  if (first?.transaction_type !== 'payment' || others.length > 0)
    return refuse('the order must have been paid exactly once')
  if (first.payment_method_id === method.id) return refuse('the order is already paid this way')
  if (!canPay(method, first.amount)) return refuse('the gift card cannot cover the order')
  const order: Order = {
    ...found.order,
    payment_history: [
      first,
      { transaction_type: 'payment', amount: first.amount, payment_method_id: method.id },
      {
        transaction_type: 'refund',
        amount: first.amount,
        payment_method_id: first.payment_method_id,
      },
    ],
  }
  const charged = creditPaymentMethod(found.user, method.id, -first.amount)
  const user = creditPaymentMethod(charged, first.payment_method_id, first.amount)
  return changedOrder(order, { before: found.user, after: user })
}

export async function modifyPendingOrderItems(
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
  if (found.order.status !== 'pending')
    return refuse('items can be modified only once and only while the order is pending')
  const plan = await planReplacements(world, {
    order: found.order,
    itemIds: input.item_ids,
    newItemIds: input.new_item_ids,
  })
  if (plan.kind === 'refused') return plan
  if (plan.replacements.some((one) => one.oldItemId === one.variant.item_id))
    return refuse('a new item must differ from the old one')
  const method = findPaymentMethod(found.user, input.payment_method_id)
  if (method === undefined) return refuse('the customer has no such payment method')
  // Not rounded: the recorded desk books the plain sum of doubles.
  const difference = plan.replacements.reduce((sum, one) => sum + one.priceDifference, 0)
  if (!canPay(method, difference)) return refuse('the gift card cannot cover the difference')
  const payment: Payment = {
    transaction_type: difference > 0 ? 'payment' : 'refund',
    amount: Math.abs(difference),
    payment_method_id: method.id,
  }
  const order: Order = {
    ...replaceItems(found.order, plan.replacements),
    status: 'pending (item modified)',
    payment_history: [...found.order.payment_history, payment],
  }
  const user = creditPaymentMethod(found.user, method.id, -difference)
  return changedOrder(order, { before: found.user, after: user })
}

// The recorded desk gives every replaced item the price and options of the last new one. That is
// a defect of its own, and kept: an agent's record must replay against the same world.
function replaceItems(order: Order, replacements: Replacement[]): Order {
  const last = replacements.at(-1)
  const items = [...order.items]
  for (const { oldItemId, variant } of replacements) {
    const item = findItem({ ...order, items }, oldItemId)
    if (item === undefined || last === undefined) throw new Error('the items were checked')
    const replaced = {
      ...item,
      item_id: variant.item_id,
      price: last.variant.price,
      options: last.variant.options,
    }
    items[items.indexOf(item)] = replaced
  }
  return { ...order, items }
}

function changedOrder(order: Order, user: { before: User; after: User }): Outcome {
  const rows: Row[] = [orderRow(order)]
  if (user.after !== user.before) rows.push(userRow(user.after))
  return { kind: 'changed', result: orderView(order), rows }
}
