// One call of each of the seven writes that the generated shop accepts, each on another order.
import assert from 'node:assert/strict'
import type { Order, PaymentMethod, Product, ShopData, User } from './shop/documents.ts'
import type { ToolName } from './tools.ts'

export type WriteCall = { tool: ToolName; arguments: Record<string, unknown> }

const ADDRESS = {
  address1: '1 Test Way',
  address2: '',
  city: 'Duluth',
  state: 'MN',
  country: 'USA',
  zip: '55801',
}

export function sevenWrites(data: ShopData): WriteCall[] {
  const orders = Object.values(data.orders)
  const pending = orders.filter((order) => order.status === 'pending')
  const delivered = orders.filter((order) => order.status === 'delivered')
  // The ones that move a gift card balance change two rows, which is the harder case to undo.
  const cancelled = first(pending, (order) => isGiftCard(order.payment_history[0]))
  const rest = pending.filter((order) => order !== cancelled)
  const modified = first(rest, (order) => isSwappable(data, order) && richCard(data, order) !== '')
  const repaid = first(
    rest,
    (order) =>
      order !== modified && isGiftCard(order.payment_history[0]) && other(data, order) !== '',
  )
  const moved = first(rest, (order) => order !== modified && order !== repaid)
  const [returned] = delivered
  const exchanged = first(delivered, (order) => order !== returned && isSwappable(data, order))
  assert(returned)
  return [
    call('cancel_pending_order', { order_id: cancelled.order_id, reason: 'no longer needed' }),
    call('modify_pending_order_items', {
      ...swap(data, modified),
      payment_method_id: richCard(data, modified),
    }),
    call('modify_pending_order_payment', {
      order_id: repaid.order_id,
      payment_method_id: other(data, repaid),
    }),
    call('modify_pending_order_address', { order_id: moved.order_id, ...ADDRESS }),
    call('return_delivered_order_items', {
      order_id: returned.order_id,
      item_ids: returned.items.map((item) => item.item_id),
      payment_method_id: returned.payment_history[0]?.payment_method_id,
    }),
    call('exchange_delivered_order_items', {
      ...swap(data, exchanged),
      payment_method_id: paidWith(exchanged),
    }),
    call('modify_user_address', { user_id: owner(data, returned).user_id, ...ADDRESS }),
  ]
}

function call(tool: ToolName, input: Record<string, unknown>): WriteCall {
  return { tool, arguments: input }
}

function first(orders: Order[], isFitting: (order: Order) => boolean): Order {
  const order = orders.find(isFitting)
  assert(order, 'the generated shop has such an order')
  return order
}

function owner(data: ShopData, order: Order): User {
  const user = data.users[order.user_id]
  assert(user)
  return user
}

function isGiftCard(payment: { payment_method_id: string } | undefined): boolean {
  return payment?.payment_method_id.startsWith('gift_card') ?? false
}

function paidWith(order: Order): string {
  const id = order.payment_history[0]?.payment_method_id
  assert(id)
  return id
}

function findMethod(
  data: ShopData,
  order: Order,
  isFitting: (method: PaymentMethod) => boolean,
): string {
  return Object.values(owner(data, order).payment_methods).find(isFitting)?.id ?? ''
}

function richCard(data: ShopData, order: Order): string {
  return findMethod(data, order, (method) => method.source === 'gift_card' && method.balance > 100)
}

function other(data: ShopData, order: Order): string {
  return findMethod(data, order, (method) => method.source !== 'gift_card')
}

function swapOf(data: ShopData, order: Order): [string, string] | undefined {
  for (const item of order.items) {
    const product: Product | undefined = data.products[item.product_id]
    const variant = Object.values(product?.variants ?? {}).find(
      (one) =>
        one.available && one.item_id !== item.item_id && Math.abs(one.price - item.price) < 50,
    )
    if (variant !== undefined) return [item.item_id, variant.item_id]
  }
  return undefined
}

function isSwappable(data: ShopData, order: Order): boolean {
  return swapOf(data, order) !== undefined && !isGiftCard(order.payment_history[0])
}

function swap(data: ShopData, order: Order): Record<string, unknown> {
  const pair = swapOf(data, order)
  assert(pair)
  return { order_id: order.order_id, item_ids: [pair[0]], new_item_ids: [pair[1]] }
}
