// A whole Chat Completions reply from its stream. Members are put together by what they are:
// texts and lists grow, other values are replaced, names and ids stay as they came first.
import type { SentEvent } from '../conversation.ts'
import { isObject } from '../fields.ts'
import { countMember, listMember, member, parseEvent } from '../read-json.ts'

type Choice = { message: Record<string, unknown>; end: Record<string, unknown> }

/** Some servers repeat these with each fragment. */
const names = new Set(['role', 'id', 'type', 'name'])

/** Of choices and of tool calls in a choice. */
const indexMax = 1024

export class ChatCollector {
  #head: Record<string, unknown> | undefined
  readonly #choices = new Map<number, Choice>()
  #usage: unknown
  #isDone = false

  push({ data }: SentEvent): void {
    if (data === '') return
    if (data === '[DONE]') {
      this.#isDone = true
      return
    }
    const chunk = parseEvent(data)
    if (!isObject(chunk)) return
    const { choices, usage, ...head } = { choices: undefined, usage: undefined, ...chunk }
    if (Object.hasOwn(head, 'error')) return
    this.#head = { ...head, ...this.#head }
    this.#usage = usage ?? this.#usage
    for (const choice of Array.isArray(choices) ? choices : []) this.#readChoice(choice)
  }

  #readChoice(choice: unknown): void {
    if (!isObject(choice)) return
    const index = countMember(choice, 'index') ?? 0
    const known = this.#choices.get(index) ?? { message: {}, end: {} }
    if (index < indexMax) this.#choices.set(index, known)
    const { delta, ...end } = { delta: undefined, ...choice }
    if (isObject(delta)) grow(known.message, delta)
    grow(known.end, end)
  }

  reply(): object | undefined {
    const choices = [...this.#choices.values()]
    const isWhole = choices.length > 0 && choices.every(({ end }) => end['finish_reason'] != null)
    if (!this.#isDone || !isWhole || this.#head === undefined) return undefined
    return {
      ...this.#head,
      object: 'chat.completion',
      choices: choices.map(({ message, end }) => ({ ...end, message: unnumberCalls(message) })),
      ...(this.#usage === undefined ? {} : { usage: this.#usage }),
    }
  }
}

function grow(target: Record<string, unknown>, source: object): void {
  for (const [name, value] of Object.entries(source)) {
    const known = target[name]
    if (known === undefined || known === null) {
      target[name] = name === 'tool_calls' ? growCalls([], value) : value
    } else if (value === null || names.has(name)) continue
    else if (name === 'tool_calls' && Array.isArray(known)) growCalls(known, value)
    else if (name === 'finish_reason') target[name] = value
    else if (typeof known === 'string' && typeof value === 'string') target[name] = known + value
    else if (Array.isArray(known) && Array.isArray(value)) target[name] = [...known, ...value]
    else if (isObject(known) && isObject(value)) {
      const grown = { ...known }
      grow(grown, value)
      target[name] = grown
    } else target[name] = value
  }
}

/** Fragments of a call are told by its index. */
function growCalls(calls: unknown[], fragments: unknown): unknown[] {
  for (const fragment of Array.isArray(fragments) ? fragments : []) {
    if (!isObject(fragment)) continue
    const index = countMember(fragment, 'index') ?? 0
    if (index >= indexMax) continue
    const known = calls.find((call) => member(call, 'index') === index)
    const grown: Record<string, unknown> = isObject(known) ? { ...known } : { index }
    const { index: _, ...rest } = { index: 0, ...fragment }
    grow(grown, rest)
    if (known === undefined) calls.push(grown)
    else calls[calls.indexOf(known)] = grown
  }
  return calls
}

function unnumberCalls(message: Record<string, unknown>): object {
  if (!Array.isArray(message['tool_calls'])) return message
  const calls = listMember(message, 'tool_calls').map((call) => {
    const { index: _, ...rest } = { index: 0, ...(isObject(call) ? call : {}) }
    return rest
  })
  return { ...message, tool_calls: calls }
}
