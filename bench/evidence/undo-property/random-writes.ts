// Writes of the example shop, made of random picks: most of them fit an order, some the shop refuses.
import { generateShop } from '../../../examples/retail/seed/generate.ts'

export type Pick = {
  readonly kind: number
  readonly order: number
  readonly item: number
  readonly variant: number
  readonly payment: number
}

export type Write = {
  readonly tool: string
  readonly args: Record<string, unknown>
  /** What its contract says that it touches. */
  readonly thing: string
}

const data = generateShop(1)
const users = Object.values(data.users)
const orders = Object.values(data.orders)
// Few of them, so that writes meet.
const pending = orders.filter((order) => order.status === 'pending').slice(0, 4)
const delivered = orders.filter((order) => order.status === 'delivered').slice(0, 3)
const places = ['Duluth', 'Fargo', 'Minot'].map((city, n) => ({
  address1: `${n + 1} Random Way`,
  address2: '',
  city,
  state: 'MN',
  country: 'USA',
  zip: `5580${n}`,
}))

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index % items.length]
  if (item === undefined) throw new Error('there is nothing to pick from')
  return item
}

type Order = (typeof orders)[number]

function paymentOf(order: Order, pick: Pick): string {
  const user = users.find((each) => each.user_id === order.user_id)
  const methods = Object.keys(user?.payment_methods ?? {})
  return methods.length === 0 ? '' : at(methods, pick.payment)
}

/** Items of the same products, as exchanges and changes want them. */
function swapOf(order: Order, pick: Pick): Record<string, unknown> {
  const item = at(order.items, pick.item)
  const variants = Object.keys(data.products[item.product_id]?.variants ?? {})
  const others = variants.filter((each) => each !== item.item_id)
  return {
    order_id: order.order_id,
    item_ids: [item.item_id],
    new_item_ids: others.length === 0 ? [item.item_id] : [at(others, pick.variant)],
    payment_method_id: paymentOf(order, pick),
  }
}

function onOrder(order: Order, tool: string, args: Record<string, unknown>): Write {
  return {
    tool,
    args: { order_id: order.order_id, ...args },
    thing: order.order_id,
  }
}

/** The write that the pick stands for. */
export function writeOf(pick: Pick): Write {
  const waiting = at(pending, pick.order)
  const sent = at(delivered, pick.order)
  switch (pick.kind % 9) {
    case 0: {
      const reason = pick.variant % 2 === 0 ? 'no longer needed' : 'ordered by mistake'
      return onOrder(waiting, 'cancel_pending_order', { reason })
    }
    case 1:
      return onOrder(waiting, 'modify_pending_order_items', swapOf(waiting, pick))
    case 2: {
      const payment = paymentOf(waiting, pick)
      return onOrder(waiting, 'modify_pending_order_payment', { payment_method_id: payment })
    }
    case 3: {
      const itemIds = [at(sent.items, pick.item).item_id]
      const payment = at(sent.payment_history, 0).payment_method_id
      const args = { item_ids: itemIds, payment_method_id: payment }
      return onOrder(sent, 'return_delivered_order_items', args)
    }
    case 4:
      return onOrder(sent, 'exchange_delivered_order_items', swapOf(sent, pick))
    case 5:
    case 6: {
      const { user_id: userId } = at(users.slice(0, 3), pick.order)
      const args = { user_id: userId, ...at(places, pick.variant) }
      return { tool: 'modify_user_address', args, thing: userId }
    }
    default:
      return onOrder(waiting, 'modify_pending_order_address', { ...at(places, pick.variant) })
  }
}
