// What an agent does in a case, over the orders and customers of the generated shop.
import { generateShop } from '../../../examples/retail/seed/generate.ts'
import type { Json } from '../../../e2e/harness/json.ts'

export type Step =
  | {
      readonly kind: 'tool'
      readonly tool: string
      readonly args: Json
      readonly is: 'done' | 'held'
    }
  /** The model says this, each token as likely as this many per cent. */
  | { readonly kind: 'say'; readonly text: string; readonly sure?: number }
  | { readonly kind: 'doubt' }
  | { readonly kind: 'approve' }
  | { readonly kind: 'reject' }
  /** Another session of the same agent. */
  | { readonly kind: 'session'; readonly task: string }
  /** What the scorer answers from now on. */
  | { readonly kind: 'score'; readonly score: unknown }

const shop = generateShop(1)
const pending = Object.values(shop.orders).filter((order) => order.status === 'pending')
const users = Object.values(shop.users)

function nth<Item>(items: readonly Item[], index: number): Item {
  const item = items[index]
  if (item === undefined) throw new Error(`the shop has no ${index + 1}`)
  return item
}

function orderId(index: number): string {
  return nth(pending, index).order_id
}

/** What cancelling gives back, in cents. */
export function refundOf(index: number): number {
  const { payment_history: payments } = nth(pending, index)
  return Math.round(payments.reduce((total, { amount }) => total + amount, 0) * 100)
}

type Is = 'done' | 'held'

const tool = (name: string, args: Json, is: Is): Step => ({ kind: 'tool', tool: name, args, is })
export const cancel = (index: number, is: Is, reason = 'no longer needed'): Step =>
  tool('cancel_pending_order', { order_id: orderId(index), reason }, is)
export const readOrder = (index: number, is: Is = 'done'): Step =>
  tool('get_order_details', { order_id: orderId(index) }, is)
export const readUser = (index: number, is: Is = 'done'): Step =>
  tool('get_user_details', { user_id: nth(users, index).user_id }, is)
export const readProducts = (is: Is = 'done'): Step => tool('list_all_product_types', {}, is)
export const move = (index: number, is: Is, city = 'Fargo'): Step =>
  tool(
    'modify_user_address',
    {
      user_id: nth(users, index).user_id,
      address1: '1 Case Way',
      address2: '',
      city,
      state: 'ND',
      country: 'USA',
      zip: '58102',
    },
    is,
  )
export const say = (text: string, sure?: number): Step => ({
  kind: 'say',
  text,
  ...(sure === undefined ? {} : { sure }),
})
export const stated = (confidence: unknown): Step =>
  say(JSON.stringify({ confidence, answer: 'x' }))
export const doubt: Step = { kind: 'doubt' }
export const approve: Step = { kind: 'approve' }
export const reject: Step = { kind: 'reject' }
export const session = (task: string): Step => ({ kind: 'session', task })
export const score = (value: unknown): Step => ({ kind: 'score', score: value })
