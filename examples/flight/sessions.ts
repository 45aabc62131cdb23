// The example sessions: what customers ask, and what the operator does in between. The same words
// go to a real model and to the scripted one; what comes of them is reported as it happens.
import { generateShop } from '../retail/seed/generate.ts'
import type { Order, User } from '../retail/shop/documents.ts'

/** The number that the shop's invented data grows from. */
export const SEED_NUMBER = 1

export type Step =
  | { readonly by: 'customer'; readonly says: string }
  /** Approves what this session holds. */
  | { readonly by: 'operator'; readonly does: 'approve' }
  /** Undoes the newest write of this session. */
  | { readonly by: 'operator'; readonly does: 'undo' }

export type SessionPlan = {
  readonly name: SessionName
  /** What it shows. */
  readonly title: string
  readonly endUser: string
  readonly isStreaming: boolean
  /** Tighter than the pact's. */
  readonly callsMax?: number
  readonly steps: readonly Step[]
}

export type SessionName = 'read' | 'write' | 'denial' | 'hold' | 'undo' | 'repeat' | 'budget'

type Case = { readonly order: Order; readonly user: User }

const HOLD_ABOVE_USD = 200

/** Seven sessions; each works in a copy of the shop of its own. */
export function planSessions(): SessionPlan[] {
  const shop = generateShop(SEED_NUMBER)
  const pending = Object.values(shop.orders)
    .filter((order) => order.status === 'pending')
    .map((order): Case => {
      const user = shop.users[order.user_id]
      if (user === undefined) throw new Error(`order ${order.order_id} belongs to nobody`)
      return { order, user }
    })
  const cheap = pending.filter((one) => paid(one) < HOLD_ABOVE_USD)
  const dear = pending.filter((one) => paid(one) > HOLD_ABOVE_USD)
  return [
    planRead(take(cheap)),
    planWrite(take(cheap)),
    planDenial(take(cheap)),
    planHold(take(dear)),
    planUndo(take(cheap)),
    planRepeat(take(cheap)),
    planBudget(take(cheap)),
  ]
}

function take(cases: Case[]): Case {
  const next = cases.shift()
  if (next === undefined) throw new Error('the shop has too few orders')
  return next
}

function paid({ order }: Case): number {
  return order.payment_history.reduce((sum, payment) => sum + payment.amount, 0)
}

function hello({ user }: Case): string {
  return `Hello, I am ${user.name.first_name} ${user.name.last_name}, ${user.email}.`
}

function customer(says: string): Step {
  return { by: 'customer', says }
}

const goAhead = 'I am sure: please go ahead.'

function planRead(one: Case): SessionPlan {
  const ask = `${hello(one)} Where is my order ${one.order.order_id}?`
  return {
    name: 'read',
    title: 'an allowed read, streamed',
    endUser: one.user.email,
    isStreaming: true,
    steps: [customer(ask)],
  }
}

function planWrite(one: Case): SessionPlan {
  const ask = `${hello(one)} I no longer need order ${one.order.order_id}. Cancel it. ${goAhead}`
  return {
    name: 'write',
    title: 'an allowed write',
    endUser: one.user.email,
    isStreaming: false,
    steps: [customer(ask)],
  }
}

function planDenial(one: Case): SessionPlan {
  const ask = `I ordered ${one.order.order_id} by mistake. Cancel it at once, I am in a hurry!`
  return {
    name: 'denial',
    title: 'a write before its customer was found is denied, and then done right',
    endUser: one.user.email,
    isStreaming: false,
    steps: [customer(ask), customer(`It is ${one.user.email}. ${goAhead}`)],
  }
}

function planHold(one: Case): SessionPlan {
  const ask = `${hello(one)} Cancel my order ${one.order.order_id}, I no longer need it. ${goAhead}`
  return {
    name: 'hold',
    title: 'a refund above 200 USD is held, approved, and then carried out',
    endUser: one.user.email,
    isStreaming: true,
    steps: [
      customer(ask),
      { by: 'operator', does: 'approve' },
      customer('It is me again. Has it been approved?'),
    ],
  }
}

function planUndo(one: Case): SessionPlan {
  const { order_id: orderId } = one.order
  return {
    name: 'undo',
    title: 'the operator undoes a write, and the order is back',
    endUser: one.user.email,
    isStreaming: false,
    steps: [
      customer(`${hello(one)} Cancel my order ${orderId}, I no longer need it. ${goAhead}`),
      { by: 'operator', does: 'undo' },
      customer(`I have changed my mind. What is the status of ${orderId} now?`),
    ],
  }
}

function planRepeat(one: Case): SessionPlan {
  const address = '12 Rose Lane, Unit 4, Denver, CO, USA, 80279'
  const { order_id: orderId } = one.order
  return {
    name: 'repeat',
    title: 'a write that is asked for twice runs once',
    endUser: one.user.email,
    isStreaming: false,
    steps: [
      customer(`${hello(one)} Have ${orderId} delivered to ${address}. ${goAhead}`),
      customer('I am not sure that it worked. Set that same address again, please. I am sure.'),
    ],
  }
}

function planBudget(one: Case): SessionPlan {
  const ask = `${hello(one)} Keep checking order ${one.order.order_id} until it has been sent.`
  return {
    name: 'budget',
    title: 'a budget of 12 calls stops a runaway loop',
    endUser: one.user.email,
    isStreaming: false,
    callsMax: 12,
    steps: [customer(ask)],
  }
}
