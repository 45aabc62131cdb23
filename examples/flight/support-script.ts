// The script of the scripted model: a support agent that follows rules instead of thinking. It has
// no transcript to recite: each reply is worked out from the whole conversation, from what the
// customer said and from what the tools really answered. The same conversation, the same reply.
import { z } from 'zod'

export const messageSchema = z.looseObject({
  role: z.string(),
  content: z.union([z.string(), z.array(z.unknown())]).nullish(),
  tool_calls: z
    .array(
      z.looseObject({
        id: z.string(),
        function: z.looseObject({ name: z.string(), arguments: z.string() }),
      }),
    )
    .nullish(),
  tool_call_id: z.string().nullish(),
})

export type ScriptMessage = z.infer<typeof messageSchema>

export type ScriptReply =
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'call'; readonly name: string; readonly arguments: Record<string, unknown> }

type Result =
  | { readonly kind: 'answered'; readonly value: unknown }
  | { readonly kind: 'denied'; readonly code: string; readonly rule: string; readonly text: string }
  | { readonly kind: 'held'; readonly id: string }
  | { readonly kind: 'failed'; readonly text: string }

type Call = {
  readonly name: string
  readonly result: Result
  /** How many messages of the customer stood before it. */
  readonly turn: number
}

type Conversation = {
  readonly said: readonly string[]
  readonly calls: readonly Call[]
  /** Calls since the customer spoke last. */
  readonly recent: readonly Call[]
}

type Intent = 'cancel' | 'address' | 'watch' | 'status'

type Request = {
  readonly intent: Intent
  readonly orderId: string
  readonly email: string | undefined
}

/** What the scripted support agent says or does next. */
export function playScript(messages: readonly ScriptMessage[]): ScriptReply {
  const conversation = readConversation(messages)
  const request = readRequest(conversation)
  if (request === undefined) return say('Which order is it about? Its number starts with #W.')
  const last = conversation.recent.at(-1)
  if (last !== undefined && last.result.kind !== 'answered') {
    return answerSetback(last, { conversation, request })
  }
  if (!isCustomerFound(conversation) && request.email !== undefined) {
    return call('find_user_id_by_email', { email: request.email })
  }
  return plays[request.intent](conversation, request)
}

const plays: Readonly<
  Record<Intent, (conversation: Conversation, request: Request) => ScriptReply>
> = { cancel, address: changeAddress, watch, status: tellStatus }

function say(text: string): ScriptReply {
  return { kind: 'say', text }
}

function call(name: string, args: Record<string, unknown>): ScriptReply {
  return { kind: 'call', name, arguments: args }
}

/** A refusal is read, and mended where the script knows how; anything else ends the turn. */
function answerSetback(
  last: Call,
  { conversation, request }: { conversation: Conversation; request: Request },
): ScriptReply {
  const { result } = last
  if (result.kind === 'held') {
    return say(`A colleague has to approve this first (hold ${result.id}). Ask me again later.`)
  }
  if (result.kind !== 'denied') {
    const text = result.kind === 'failed' ? result.text : 'it gave no reason'
    return say(`The shop did not do that: ${text}`)
  }
  if (result.rule !== 'customer-first' || isCustomerFound(conversation)) {
    return say(`I may not do that (${result.code}): ${result.text}. I leave it as it is.`)
  }
  if (request.email === undefined) {
    return say('I have to find you in our records first. What is your email address?')
  }
  return call('find_user_id_by_email', { email: request.email })
}

/** Eager on purpose: without an email it tries the write at once, and learns from the denial. */
function cancel(conversation: Conversation, request: Request): ScriptReply {
  const { orderId } = request
  const done = answerOf(conversation.recent, 'cancel_pending_order')
  if (done !== undefined) {
    return say(`Order ${orderId} is now ${statusOf(done)}. The refund is on its way.`)
  }
  const hasLooked = answerOf(conversation.calls, 'get_order_details') !== undefined
  if (isCustomerFound(conversation) && !hasLooked) {
    return call('get_order_details', { order_id: orderId })
  }
  const isMistake = conversation.said.some((text) => /mistake/iu.test(text))
  const reason = isMistake ? 'ordered by mistake' : 'no longer needed'
  return call('cancel_pending_order', { order_id: orderId, reason })
}

function changeAddress(conversation: Conversation, request: Request): ScriptReply {
  const { orderId } = request
  const done = answerOf(conversation.recent, 'modify_pending_order_address')
  const address = conversation.said.map(readAddress).findLast((found) => found !== undefined)
  if (address === undefined) return say('Where shall the order go? I need the whole address.')
  if (done !== undefined) return say(`Order ${orderId} goes to ${address.address1} now.`)
  if (answerOf(conversation.calls, 'get_order_details') === undefined) {
    return call('get_order_details', { order_id: orderId })
  }
  return call('modify_pending_order_address', { order_id: orderId, ...address })
}

/** Knows no end while the order is pending: this is the loop that a budget has to stop. */
function watch(conversation: Conversation, request: Request): ScriptReply {
  const order = answerOf(conversation.recent, 'get_order_details')
  if (order === undefined || statusOf(order) === 'pending') {
    return call('get_order_details', { order_id: request.orderId })
  }
  return say(`Order ${request.orderId} is ${statusOf(order)} now.`)
}

function tellStatus(conversation: Conversation, request: Request): ScriptReply {
  const order = answerOf(conversation.recent, 'get_order_details')
  if (order === undefined) return call('get_order_details', { order_id: request.orderId })
  const names = itemNames(order)
  const items = names.length === 0 ? '' : ` with ${names.join(', ')}`
  return say(`Order ${request.orderId}${items} is ${statusOf(order)}.`)
}

function isCustomerFound(conversation: Conversation): boolean {
  return answerOf(conversation.calls, 'find_user_id_by_email') !== undefined
}

/** The newest answer of a tool. */
function answerOf(calls: readonly Call[], name: string): unknown {
  const found = calls.findLast((each) => each.name === name && each.result.kind === 'answered')
  return found?.result.kind === 'answered' ? found.result.value : undefined
}

const orderSchema = z.looseObject({
  status: z.string(),
  items: z.array(z.looseObject({ name: z.string() })).default([]),
})

function statusOf(order: unknown): string {
  return orderSchema.safeParse(order).data?.status ?? 'in a state that I cannot read'
}

function itemNames(order: unknown): string[] {
  return (orderSchema.safeParse(order).data?.items ?? []).map((item) => item.name)
}

const intents: readonly (readonly [Intent, RegExp])[] = [
  ['watch', /keep (?:looking|checking|watching)/iu],
  ['cancel', /\bcancel/iu],
  ['address', /\baddress|\bdeliver(?:ed)? to\b/iu],
  ['status', /\bwhere is\b|\bstatus\b|\bstill\b/iu],
]

function readRequest({ said }: Conversation): Request | undefined {
  // The newest message that says so: `it is ada@example.com` only adds to what was asked before.
  const intent = said.map(intentOf).findLast((found) => found !== undefined) ?? 'status'
  const newest = (pattern: RegExp) =>
    said.map((text) => pattern.exec(text)?.[0]).findLast((found) => found !== undefined)
  const orderId = newest(/#W\d{7}\b/u)
  const email = newest(/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/u)
  return orderId === undefined ? undefined : { intent, orderId, email }
}

function intentOf(text: string): Intent | undefined {
  return intents.find(([, pattern]) => pattern.test(text))?.[0]
}

/** `12 Rose Lane, Unit 4, Denver, CO, USA, 80279` */
function readAddress(text: string) {
  const pattern = /\bto (\d+ [^,\n]+), ([^,\n]*), ([^,\n]+), ([A-Z]{2}), ([A-Za-z]+), (\d{5})\b/u
  const [, address1, address2, city, state, country, zip] = pattern.exec(text) ?? []
  return address1 === undefined ? undefined : { address1, address2, city, state, country, zip }
}

function readConversation(messages: readonly ScriptMessage[]): Conversation {
  const results = new Map(
    messages.flatMap((message) =>
      typeof message.tool_call_id === 'string'
        ? [[message.tool_call_id, readResult(textOf(message))] as const]
        : [],
    ),
  )
  const said: string[] = []
  const calls: Call[] = []
  for (const message of messages) {
    if (message.role === 'user') said.push(textOf(message))
    for (const { id, function: called } of message.tool_calls ?? []) {
      const result = results.get(id)
      if (result !== undefined) calls.push({ name: called.name, result, turn: said.length })
    }
  }
  return { said, calls, recent: calls.filter((each) => each.turn === said.length) }
}

function textOf({ content }: ScriptMessage): string {
  if (typeof content === 'string') return content
  const part = z.looseObject({ text: z.string() })
  return (content ?? []).map((each) => part.safeParse(each).data?.text ?? '').join('')
}

const deniedSchema = z.looseObject({
  denied: z.literal(true),
  code: z.string(),
  message: z.string(),
  rules: z.array(z.looseObject({ rule: z.string(), reason: z.string() })).default([]),
})
const heldSchema = z.looseObject({ held: z.literal(true), id: z.string() })
const failedSchema = z.looseObject({ failed: z.literal(true), message: z.string() })

function readResult(text: string): Result {
  if (text.startsWith('Error: ')) return { kind: 'failed', text: text.slice('Error: '.length) }
  const value = parseJson(text)
  const held = heldSchema.safeParse(value).data
  if (held !== undefined) return { kind: 'held', id: held.id }
  const failed = failedSchema.safeParse(value).data
  if (failed !== undefined) return { kind: 'failed', text: failed.message }
  const denied = deniedSchema.safeParse(value).data
  if (denied === undefined) return { kind: 'answered', value }
  const { code, message, rules } = denied
  const [first] = rules
  return { kind: 'denied', code, rule: first?.rule ?? '', text: first?.reason ?? message }
}

/** A plain text is a result too: the id of a customer comes without quotes. */
function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return text
  }
}
