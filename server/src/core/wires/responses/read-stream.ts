// The stream of a Responses upstream.
import type { BlockHead, SentEvent, StreamReader, StreamStep } from '../conversation.ts'
import {
  countMember,
  interrupted,
  invalidReply,
  member,
  parseEvent,
  textMember,
} from '../read-json.ts'
import { readStatus } from './reply.ts'
import { readResponsesUsage } from './usage.ts'

export function createResponsesReader(): StreamReader {
  const reader = new ResponsesReader()
  return { read: (event) => reader.read(event) }
}

type Block = { readonly block: number; hasText: boolean; isClosed: boolean }

class ResponsesReader {
  /** By what the event names: the item, and the part of it. */
  readonly #blocks = new Map<string, Block>()
  #hasCalls = false

  read({ data }: SentEvent): readonly StreamStep[] {
    const event = parseEvent(data)
    const type = textMember(event, 'type') ?? ''
    switch (type) {
      case 'response.created':
        return [startOf(member(event, 'response'))]
      case 'response.output_item.added':
        return this.#openItem(event)
      case 'response.output_text.delta':
        return this.#delta(event, { type: 'text' }, textMember(event, 'delta'))
      case 'response.refusal.delta':
        return this.#delta(event, { type: 'refusal' }, textMember(event, 'delta'))
      case 'response.reasoning_text.delta':
      case 'response.reasoning_summary_text.delta':
        return this.#delta(event, { type: 'reasoning' }, textMember(event, 'delta'))
      case 'response.function_call_arguments.delta':
        return this.#delta(event, undefined, textMember(event, 'delta'))
      case 'response.output_text.done':
        return this.#done(event, { type: 'text' }, textMember(event, 'text'))
      case 'response.refusal.done':
        return this.#done(event, { type: 'refusal' }, textMember(event, 'refusal'))
      case 'response.reasoning_text.done':
      case 'response.reasoning_summary_text.done':
        return this.#done(event, { type: 'reasoning' }, textMember(event, 'text'))
      case 'response.function_call_arguments.done':
        return this.#done(event, undefined, textMember(event, 'arguments'))
      case 'response.output_item.done':
        return this.#doneItem(event)
      case 'response.completed':
      case 'response.incomplete':
        return [this.#end(member(event, 'response'))]
      case 'response.failed':
        throw interrupted(member(member(event, 'response'), 'error'))
      case 'error':
        throw interrupted(member(event, 'error') ?? event)
      case 'response.output_text.annotation.added':
        throw invalidReply('`annotations`, unasked')
      default:
        // Marks between what is read above; items that were not asked for are refused as they open.
        return []
    }
  }

  #openItem(event: unknown): StreamStep[] {
    const item = member(event, 'item')
    const type = textMember(item, 'type')
    if (type === 'message' || type === 'reasoning') return []
    if (type !== 'function_call') throw invalidReply(`an item of type ${type ?? 'null'}, unasked`)
    const [id, name] = [textMember(item, 'call_id'), textMember(item, 'name')]
    if (id === undefined || name === undefined) throw invalidReply('a call without id or name')
    this.#hasCalls = true
    const steps: StreamStep[] = []
    this.#block(event, { type: 'tool_call', id, name }, steps)
    return steps
  }

  /** The block that an event is about, opened where it is not yet. */
  #block(event: unknown, head: BlockHead | undefined, steps: StreamStep[]): Block {
    const [item, part] = [countMember(event, 'output_index'), partOf(event)]
    if (item === undefined) throw invalidReply('an event without an output index')
    const key = `${item}/${part}`
    const known = this.#blocks.get(key)
    if (known !== undefined) return known
    if (head === undefined) throw invalidReply('arguments of a call that was not told')
    const block = { block: this.#blocks.size, hasText: false, isClosed: false }
    this.#blocks.set(key, block)
    steps.push({ kind: 'open', block: block.block, head })
    return block
  }

  #delta(event: unknown, head: BlockHead | undefined, text: string | undefined): StreamStep[] {
    const steps: StreamStep[] = []
    const known = this.#block(event, head, steps)
    if (text === undefined || text === '') return steps
    known.hasText = true
    steps.push({ kind: 'delta', block: known.block, text })
    return steps
  }

  /** Some servers tell a part only when it is done. */
  #done(event: unknown, head: BlockHead | undefined, text: string | undefined): StreamStep[] {
    const steps: StreamStep[] = []
    const known = this.#block(event, head, steps)
    if (known.isClosed) return steps
    if (!known.hasText && text !== undefined && text !== '') {
      steps.push({ kind: 'delta', block: known.block, text })
    }
    known.isClosed = true
    steps.push({ kind: 'close', block: known.block })
    return steps
  }

  #doneItem(event: unknown): StreamStep[] {
    const item = member(event, 'item')
    if (textMember(item, 'type') !== 'function_call') return []
    return this.#done(event, undefined, textMember(item, 'arguments'))
  }

  #end(response: unknown): StreamStep {
    const stop = readStatus(response, this.#hasCalls)
    const usage = readResponsesUsage(member(response, 'usage'))
    return { kind: 'end', stop, stopSequence: undefined, usage }
  }
}

function startOf(response: unknown): StreamStep {
  const [id, model] = [textMember(response, 'id'), textMember(response, 'model')]
  return { kind: 'start', id, model, usage: undefined }
}

/** Parts of a message and of a thought's text are counted apart from those of its summary. */
function partOf(event: unknown): string {
  const summary = countMember(event, 'summary_index')
  return summary === undefined ? `${countMember(event, 'content_index') ?? 0}` : `s${summary}`
}
