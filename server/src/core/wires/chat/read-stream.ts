// The stream of a Chat Completions upstream.
import type { BlockHead, SentEvent, StreamReader, StreamStep, Usage } from '../conversation.ts'
import {
  countMember,
  interrupted,
  invalidReply,
  listMember,
  member,
  parseEvent,
  textMember,
} from '../read-json.ts'
import { CallIndexes } from './call-indexes.ts'
import { readFinish, readThought, refuseForeign } from './reply.ts'
import { readChatUsage } from './usage.ts'

export function createChatReader(): StreamReader {
  const reader = new ChatReader()
  return { read: (event) => reader.read(event) }
}

class ChatReader {
  #blocks = 0
  /** The block that texts go on in; another kind, or a tool call, begins a new one. */
  #text: { readonly block: number; readonly type: BlockHead['type'] } | undefined
  /** By the index of the tool call. */
  readonly #calls = new Map<number, number>()
  readonly #indexes = new CallIndexes()
  #hasStarted = false
  #finish: string | undefined
  #usage: Usage | undefined

  read({ data }: SentEvent): readonly StreamStep[] {
    if (data === '[DONE]') return [this.#end()]
    const chunk = parseEvent(data)
    const error = member(chunk, 'error')
    if (error !== undefined) throw interrupted(error)
    const steps: StreamStep[] = []
    if (!this.#hasStarted) {
      this.#hasStarted = true
      const [id, model] = [textMember(chunk, 'id'), textMember(chunk, 'model')]
      steps.push({ kind: 'start', id, model, usage: undefined })
    }
    const usage = member(chunk, 'usage')
    if (usage !== undefined) this.#usage = readChatUsage(usage) ?? this.#usage
    for (const choice of listMember(chunk, 'choices')) this.#readChoice(choice, steps)
    return steps
  }

  #readChoice(choice: unknown, steps: StreamStep[]): void {
    if ((countMember(choice, 'index') ?? 0) !== 0) throw invalidReply('a second choice')
    const delta = member(choice, 'delta')
    if (delta !== undefined) this.#readDelta(delta, steps)
    this.#finish = textMember(choice, 'finish_reason') ?? this.#finish
  }

  #readDelta(delta: unknown, steps: StreamStep[]): void {
    refuseForeign(delta)
    this.#readText('reasoning', readThought(delta), steps)
    this.#readText('text', textMember(delta, 'content'), steps)
    this.#readText('refusal', textMember(delta, 'refusal'), steps)
    for (const call of listMember(delta, 'tool_calls')) this.#readCall(call, steps)
  }

  #readText(
    type: 'reasoning' | 'text' | 'refusal',
    text: string | undefined,
    steps: StreamStep[],
  ): void {
    if (text === undefined || text === '') return
    if (this.#text?.type !== type) {
      this.#text = { block: this.#blocks++, type }
      steps.push({ kind: 'open', block: this.#text.block, head: { type } })
    }
    steps.push({ kind: 'delta', block: this.#text.block, text })
  }

  #readCall(call: unknown, steps: StreamStep[]): void {
    const index = this.#indexes.take(call)
    const called = member(call, 'function')
    let block = this.#calls.get(index)
    if (block === undefined) {
      const [id, name] = [textMember(call, 'id'), textMember(called, 'name')]
      if (id === undefined || name === undefined) throw invalidReply('a tool call without a name')
      block = this.#blocks++
      this.#calls.set(index, block)
      this.#text = undefined
      steps.push({ kind: 'open', block, head: { type: 'tool_call', id, name } })
    }
    const text = textMember(called, 'arguments')
    if (text !== undefined && text !== '') steps.push({ kind: 'delta', block, text })
  }

  #end(): StreamStep {
    // [DONE] without a reason is a stream that lost its end.
    if (this.#finish === undefined) throw interrupted({ message: 'no finish reason came' })
    const stop = readFinish(this.#finish, this.#calls.size > 0)
    return { kind: 'end', stop, stopSequence: undefined, usage: this.#usage }
  }
}
