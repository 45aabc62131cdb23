// What the tools that change orders have in common. Pure but for the reads.
import { roundToCents } from './money.ts'
import { refuse } from './outcome.ts'
import type { Refusal } from './outcome.ts'
import type { Order, OrderItem, PaymentMethod, Product, User } from './documents.ts'
import { readOrder, readProduct, readUser } from './world.ts'
import type { World } from './world.ts'

type OwnedOrder = { kind: 'found'; order: Order; user: User }

export async function readOwnedOrder(world: World, orderId: string): Promise<OwnedOrder | Refusal> {
  const order = await readOrder(world, orderId)
  if (order === undefined) return refuse(`no order has the id ${orderId}`)
  const user = await readUser(world, order.user_id)
  if (user === undefined) throw new Error(`order ${orderId} belongs to nobody`)
  return { kind: 'found', order, user }
}

// An inherited name such as `constructor` is not an entry.
export function entryOf<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}

export function findPaymentMethod(user: User, id: string): PaymentMethod | undefined {
  return entryOf(user.payment_methods, id)
}

// A balance is kept in cents. Other methods settle outside the shop, so nothing changes here.
export function creditPaymentMethod(user: User, id: string, amount: number): User {
  const method = findPaymentMethod(user, id)
  if (method?.source !== 'gift_card') return user
  const credited = { ...method, balance: roundToCents(method.balance + amount) }
  return { ...user, payment_methods: { ...user.payment_methods, [id]: credited } }
}

export function canPay(method: PaymentMethod, amount: number): boolean {
  return method.source !== 'gift_card' || method.balance >= amount
}

// An id may be asked for as often as the order holds it.
export function findMissingItem(order: Order, itemIds: string[]): string | undefined {
  return itemIds.find((id) => {
    const held = order.items.filter((item) => item.item_id === id).length
    return itemIds.filter((other) => other === id).length > held
  })
}

type Variant = Product['variants'][string]
export type Replacement = { oldItemId: string; variant: Variant; priceDifference: number }

export function findItem(order: Order, itemId: string): OrderItem | undefined {
  return order.items.find((item) => item.item_id === itemId)
}

// Pairs each old item with an available variant of the same product.
export async function planReplacements(
  world: World,
  options: { order: Order; itemIds: string[]; newItemIds: string[] },
): Promise<{ kind: 'planned'; replacements: Replacement[] } | Refusal> {
  const { order, itemIds, newItemIds } = options
  const missing = findMissingItem(order, itemIds)
  if (missing !== undefined) return refuse(`the order does not hold item ${missing} that often`)
  if (itemIds.length !== newItemIds.length)
    return refuse('name exactly one new item for each old item')
  const replacements: Replacement[] = []
  for (const [index, oldItemId] of itemIds.entries()) {
    const newItemId = newItemIds[index]
    const item = findItem(order, oldItemId)
    if (newItemId === undefined || item === undefined) throw new Error('the lists were checked')
    const product = await readProduct(world, item.product_id)
    const variant = product && entryOf(product.variants, newItemId)
    if (variant === undefined) return refuse(`item ${newItemId} is not a kind of ${item.name}`)
    if (!variant.available) return refuse(`item ${newItemId} is out of stock`)
    replacements.push({ oldItemId, variant, priceDifference: variant.price - item.price })
  }
  return { kind: 'planned', replacements }
}
