// What was said in a session, for a person who takes it over: of each call what was new in its
// request, and what came back. Every client sends its whole history again with each model call.
import { collectStream, type SentEvent } from '../wires/translate.ts'
import { textsOf } from './transcript-text.ts'

export type Said = {
  /** `system`, `user`, `assistant`, `tool`, `arguments`, `result` or `error`. */
  readonly role: string
  readonly text: string
  /** Only the beginning is here. */
  readonly isClipped?: true
}

/** Characters of one text. */
export const saidCharactersMax = 20_000
/** Texts of one call. */
export const saidMax = 200

/** What the request of a model call says. `body` is parsed, of any model API. */
export function messagesOf(body: unknown): Said[] {
  const system = saidBy('system', member(body, 'system') ?? member(body, 'instructions'))
  const messages = listOf(member(body, 'messages')).flatMap(messageOf)
  const input = member(body, 'input')
  const items = typeof input === 'string' ? saidBy('user', input) : listOf(input).flatMap(messageOf)
  return [...system, ...messages, ...items]
}

/**
 * What is new against the request of the call before; undefined: there was none, and all of it is.
 * `afterReply`: it is not known, and what follows the model's own last words counts as new.
 */
export function newMessages(
  messages: readonly Said[],
  before: readonly Said[] | 'after-reply' | undefined,
): Said[] {
  if (before === undefined) return clip(messages)
  if (before === 'after-reply') {
    const last = messages.findLastIndex((message) => message.role === 'assistant')
    return clip(messages.slice(last + 1))
  }
  let shared = 0
  while (shared < before.length && isSame(messages[shared], before[shared])) shared += 1
  // The model's own reply was told with its call.
  while (shared > 0 && messages[shared]?.role === 'assistant') shared += 1
  return clip(messages.slice(shared))
}

function isSame(a: Said | undefined, b: Said | undefined): boolean {
  return a !== undefined && a.role === b?.role && a.text === b.text
}

/** What a model answered: a whole reply or a stream, as it was stored. */
export function replyOf(stored: string): Said[] {
  const body = parsed(stored) ?? streamed(stored)
  if (body === undefined) return clip([{ role: 'assistant', text: stored }])
  const error = member(body, 'error')
  if (error !== undefined && error !== null) {
    return clip([{ role: 'error', text: JSON.stringify(error) }])
  }
  const [choice] = listOf(member(body, 'choices'))
  const message = member(choice, 'message')
  if (message !== undefined) return clip(messageOf(withRole(message)))
  const output = member(body, 'output')
  if (output !== undefined) return clip(listOf(output).flatMap(messageOf))
  return clip(saidBy('assistant', member(body, 'content')))
}

/** The arguments of a tool call, as they were stored. */
export function argumentsOf(stored: string): Said[] {
  const args = member(parsed(stored), 'arguments')
  return clip([{ role: 'arguments', text: args === undefined ? stored : JSON.stringify(args) }])
}

/** What a tool answered. */
export function resultOf(stored: string): Said[] {
  const result = parsed(stored)
  const role = member(result, 'isError') === true ? 'error' : 'result'
  const structured = member(result, 'structuredContent')
  if (structured !== undefined) return clip([{ role, text: JSON.stringify(structured) }])
  const content = saidBy(role, member(result, 'content'))
  return clip(content.length === 0 ? [{ role, text: stored }] : content)
}

function messageOf(message: unknown): Said[] {
  const type = member(message, 'type')
  if (type === 'function_call') return saidBy('assistant', [message])
  if (type === 'function_call_output') return saidBy('tool', member(message, 'output'))
  const role = member(message, 'role')
  if (typeof role !== 'string') return []
  const calls = listOf(member(message, 'tool_calls'))
  return [...saidBy(role, member(message, 'content')), ...saidBy(role, calls)]
}

function withRole(message: unknown): unknown {
  return typeof message === 'object' && message !== null
    ? { role: 'assistant', ...message }
    : undefined
}

function saidBy(role: string, content: unknown): Said[] {
  const text = textsOf(content).join('\n')
  return text === '' ? [] : [{ role, text }]
}

function clip(said: readonly Said[]): Said[] {
  const kept = said.length > saidMax ? said.slice(-saidMax) : said
  return kept.map(({ role, text }) =>
    text.length <= saidCharactersMax
      ? { role, text }
      : { role, text: text.slice(0, saidCharactersMax).toWellFormed(), isClipped: true },
  )
}

const apis = ['chat', 'messages', 'responses'] as const

/** A stream put together; undefined for what is none, or did not end well. */
function streamed(stored: string): unknown {
  const events = stored.split(/\r?\n\r?\n/).flatMap(eventOf)
  if (events.length === 0) return undefined
  for (const api of apis) {
    try {
      const collector = collectStream({ api })
      for (const event of events) collector.push(event)
      const reply = collector.reply()
      if (reply !== undefined) return reply
    } catch {
      // It is of another API, or was cut off: shown as it came.
    }
  }
  return undefined
}

function eventOf(block: string): SentEvent[] {
  const lines = block.split(/\r?\n/)
  const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trim())
  const name = lines
    .find((line) => line.startsWith('event:'))
    ?.slice(6)
    .trim()
  if (data.length === 0) return []
  return [{ data: data.join('\n'), ...(name === undefined ? {} : { event: name }) }]
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return undefined
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Reflect.get(value, name)
}
