// The three documents the shop keeps. Rows are parsed with these schemas on the way in and out.
import { z } from 'zod'

const addressSchema = z.strictObject({
  address1: z.string(),
  address2: z.string(),
  city: z.string(),
  country: z.string(),
  state: z.string(),
  zip: z.string(),
})

const paymentMethodSchema = z.discriminatedUnion('source', [
  z.strictObject({
    source: z.literal('credit_card'),
    id: z.string(),
    brand: z.string(),
    last_four: z.string(),
  }),
  z.strictObject({ source: z.literal('paypal'), id: z.string() }),
  z.strictObject({ source: z.literal('gift_card'), id: z.string(), balance: z.number() }),
])

export const userSchema = z.strictObject({
  user_id: z.string(),
  name: z.strictObject({ first_name: z.string(), last_name: z.string() }),
  address: addressSchema,
  email: z.string(),
  payment_methods: z.record(z.string(), paymentMethodSchema),
  orders: z.array(z.string()),
})

const optionsSchema = z.record(z.string(), z.string())

const orderItemSchema = z.strictObject({
  name: z.string(),
  product_id: z.string(),
  item_id: z.string(),
  price: z.number(),
  options: optionsSchema,
})

const paymentSchema = z.strictObject({
  transaction_type: z.enum(['payment', 'refund']),
  amount: z.number(),
  payment_method_id: z.string(),
})

export const orderSchema = z.strictObject({
  order_id: z.string(),
  user_id: z.string(),
  address: addressSchema,
  items: z.array(orderItemSchema),
  status: z.enum([
    'pending',
    'pending (item modified)',
    'processed',
    'delivered',
    'cancelled',
    'exchange requested',
    'return requested',
  ]),
  fulfillments: z.array(
    z.strictObject({ tracking_id: z.array(z.string()), item_ids: z.array(z.string()) }),
  ),
  payment_history: z.array(paymentSchema),
  cancel_reason: z.string().optional(),
  exchange_items: z.array(z.string()).optional(),
  exchange_new_items: z.array(z.string()).optional(),
  exchange_payment_method_id: z.string().optional(),
  exchange_price_difference: z.number().optional(),
  return_items: z.array(z.string()).optional(),
  return_payment_method_id: z.string().optional(),
})

export const productSchema = z.strictObject({
  name: z.string(),
  product_id: z.string(),
  variants: z.record(
    z.string(),
    z.strictObject({
      item_id: z.string(),
      options: optionsSchema,
      available: z.boolean(),
      price: z.number(),
    }),
  ),
})

export const shopDataSchema = z.object({
  products: z.record(z.string(), productSchema),
  users: z.record(z.string(), userSchema),
  orders: z.record(z.string(), orderSchema),
})

export type Address = z.infer<typeof addressSchema>
export type PaymentMethod = z.infer<typeof paymentMethodSchema>
export type User = z.infer<typeof userSchema>
export type OrderItem = z.infer<typeof orderItemSchema>
export type Payment = z.infer<typeof paymentSchema>
export type Order = z.infer<typeof orderSchema>
export type Product = z.infer<typeof productSchema>
export type ShopData = z.infer<typeof shopDataSchema>

export type RowKind = 'user' | 'order' | 'product'
export type Row = { kind: RowKind; id: string; doc: User | Order | Product }

export function userRow(user: User): Row {
  return { kind: 'user', id: user.user_id, doc: user }
}

export function orderRow(order: Order): Row {
  return { kind: 'order', id: order.order_id, doc: order }
}

// Callers see every field of an order, with null for what never happened to it.
export function orderView(order: Order): object {
  return {
    ...order,
    cancel_reason: order.cancel_reason ?? null,
    exchange_items: order.exchange_items ?? null,
    exchange_new_items: order.exchange_new_items ?? null,
    exchange_payment_method_id: order.exchange_payment_method_id ?? null,
    exchange_price_difference: order.exchange_price_difference ?? null,
    return_items: order.return_items ?? null,
    return_payment_method_id: order.return_payment_method_id ?? null,
  }
}
