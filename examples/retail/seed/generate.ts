// An invented shop, the same for the same seed number on every machine.
import type { Address, Order, OrderItem, Payment, PaymentMethod } from '../shop/documents.ts'
import type { Product, ShopData, User } from '../shop/documents.ts'
import { roundToCents } from '../shop/money.ts'
import { CARD_BRANDS, CITIES, FIRST_NAMES, LAST_NAMES, PRODUCT_TYPES, STREETS } from './words.ts'

const CUSTOMERS = 300
const ORDERS = 600
const ORDER_ITEMS_MAX = 5

type Dice = {
  below: (limit: number) => number
  pick: <T>(values: T[]) => T
  unusedId: (digits: number) => string
}

export function generateShop(seed: number): ShopData {
  const dice = createDice(seed)
  const products = PRODUCT_TYPES.map((type) => generateProduct(dice, type))
  const users = Array.from({ length: CUSTOMERS }, () => generateUser(dice))
  const orders = Array.from({ length: ORDERS }, (_, index) => {
    // Every customer has an order before any has a second one.
    const user = users[index] ?? dice.pick(users)
    const order = generateOrder(dice, { user, products })
    user.orders.push(order.order_id)
    return order
  })
  return {
    products: Object.fromEntries(products.map((product) => [product.product_id, product])),
    users: Object.fromEntries(users.map((user) => [user.user_id, user])),
    orders: Object.fromEntries(orders.map((order) => [order.order_id, order])),
  }
}

// Mulberry32: small, fast and good enough for sample data; nothing here is secret.
function createDice(seed: number): Dice {
  let state = seed >>> 0
  const used = new Set<string>()
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
  const pick = <T>(values: T[]): T => {
    const value = values[below(values.length)]
    if (value === undefined) throw new Error('there is nothing to pick from')
    return value
  }
  const unusedId = (digits: number): string => {
    for (;;) {
      const lowest = 10 ** (digits - 1)
      const id = String(lowest + below(9 * lowest))
      if (used.has(id)) continue
      used.add(id)
      return id
    }
  }
  return { below, pick, unusedId }
}

function generateProduct(dice: Dice, type: (typeof PRODUCT_TYPES)[number]): Product {
  const variants = combinations(type.options).map((options, index) => ({
    item_id: dice.unusedId(10),
    options,
    // The first two are always in stock, so every product has something to exchange for.
    available: index < 2 || dice.below(5) > 0,
    price: (type.cents + dice.below(Math.ceil(type.cents / 5))) / 100,
  }))
  return {
    name: type.name,
    product_id: dice.unusedId(10),
    variants: Object.fromEntries(variants.map((variant) => [variant.item_id, variant])),
  }
}

function combinations(options: Record<string, string[]>): Record<string, string>[] {
  return Object.entries(options).reduce<Record<string, string>[]>(
    (rows, [name, values]) =>
      rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value }))),
    [{}],
  )
}

function generateUser(dice: Dice): User {
  const name = { first_name: dice.pick(FIRST_NAMES), last_name: dice.pick(LAST_NAMES) }
  const number = dice.unusedId(4)
  const handle = `${name.first_name}_${name.last_name}_${number}`.toLowerCase()
  const methods = generatePaymentMethods(dice)
  return {
    user_id: handle,
    name,
    address: generateAddress(dice),
    email: `${handle.replaceAll('_', '.')}@example.com`,
    payment_methods: Object.fromEntries(methods.map((method) => [method.id, method])),
    orders: [],
  }
}

function generateAddress(dice: Dice): Address {
  const place = dice.pick(CITIES)
  return {
    address1: `${1 + dice.below(990)} ${dice.pick(STREETS)}`,
    address2: dice.below(3) === 0 ? '' : `Unit ${1 + dice.below(80)}`,
    city: place.city,
    country: 'USA',
    state: place.state,
    zip: `${place.zip}${10 + dice.below(90)}`,
  }
}

function generatePaymentMethods(dice: Dice): PaymentMethod[] {
  const giftCardId = `gift_card_${dice.unusedId(7)}`
  const cardId = `credit_card_${dice.unusedId(7)}`
  const paypalId = `paypal_${dice.unusedId(7)}`
  const all: PaymentMethod[] = [
    {
      source: 'credit_card',
      id: cardId,
      brand: dice.pick(CARD_BRANDS),
      last_four: String(1_000 + dice.below(9_000)),
    },
    { source: 'paypal', id: paypalId },
    { source: 'gift_card', id: giftCardId, balance: dice.below(15_000) / 100 },
  ]
  const first = dice.below(all.length)
  return [...all.slice(first), ...all.slice(0, first)].slice(0, 1 + dice.below(all.length))
}

function generateOrder(dice: Dice, from: { user: User; products: Product[] }): Order {
  const status = dice.pick([
    ...(['pending', 'pending', 'delivered', 'delivered'] as const),
    ...(['processed', 'cancelled'] as const),
  ])
  const items = Array.from({ length: 1 + dice.below(ORDER_ITEMS_MAX) }, () =>
    generateItem(dice, from.products),
  )
  const payment: Payment = {
    transaction_type: 'payment',
    amount: roundToCents(items.reduce((sum, item) => sum + item.price, 0)),
    payment_method_id: dice.pick(Object.keys(from.user.payment_methods)),
  }
  const order: Order = {
    order_id: `#W${dice.unusedId(7)}`,
    user_id: from.user.user_id,
    address: from.user.address,
    items,
    status,
    fulfillments: [],
    payment_history: [payment],
  }
  if (status === 'pending') return order
  if (status === 'cancelled') {
    const refund: Payment = { ...payment, transaction_type: 'refund' }
    return { ...order, cancel_reason: 'no longer needed', payment_history: [payment, refund] }
  }
  const shipment = {
    tracking_id: [dice.unusedId(12)],
    item_ids: items.map((item) => item.item_id),
  }
  return { ...order, fulfillments: [shipment] }
}

function generateItem(dice: Dice, products: Product[]): OrderItem {
  const product = dice.pick(products)
  const variant = dice.pick(Object.values(product.variants))
  return {
    name: product.name,
    product_id: product.product_id,
    item_id: variant.item_id,
    price: variant.price,
    options: variant.options,
  }
}
