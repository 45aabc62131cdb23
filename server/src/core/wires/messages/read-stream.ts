// The stream of a Messages upstream.
import type { BlockHead, SentEvent, StreamReader, StreamStep, Stop } from '../conversation.ts'
import {
  countMember,
  interrupted,
  invalidReply,
  member,
  parseEvent,
  textMember,
} from '../read-json.ts'
import { isObject } from '../fields.ts'
import { readStopReason } from './reply.ts'
import { readMessagesUsage } from './usage.ts'

export function createMessagesReader(): StreamReader {
  const reader = new MessagesReader()
  return { read: (event) => reader.read(event) }
}

class MessagesReader {
  /** As told first, overwritten by what is told later: the counts are cumulative. */
  #usage: object | undefined
  #stop: Stop | undefined
  #stopSequence: string | undefined
  #blocks = 0

  read({ data }: SentEvent): readonly StreamStep[] {
    const event = parseEvent(data)
    switch (textMember(event, 'type') ?? '') {
      case 'message_start':
        return [this.#start(member(event, 'message'))]
      case 'content_block_start':
        return this.#open(event)
      case 'content_block_delta':
        return readDelta(event)
      case 'content_block_stop':
        return [{ kind: 'close', block: readIndex(event) }]
      case 'message_delta':
        return this.#readEnd(event)
      case 'message_stop':
        return [this.#end()]
      case 'error':
        throw interrupted(member(event, 'error'))
      default:
        // `ping`, and events that this wire says clients must let pass.
        return []
    }
  }

  #start(message: unknown): StreamStep {
    this.#keepUsage(member(message, 'usage'))
    return {
      kind: 'start',
      id: textMember(message, 'id'),
      model: textMember(message, 'model'),
      usage: readMessagesUsage(this.#usage),
    }
  }

  #keepUsage(usage: unknown): void {
    if (!isObject(usage)) return
    const told = Object.entries(usage).filter(([, value]) => value !== null)
    this.#usage = { ...this.#usage, ...Object.fromEntries(told) }
  }

  #open(event: unknown): StreamStep[] {
    const block = readIndex(event)
    this.#blocks = Math.max(this.#blocks, block + 1)
    const content = member(event, 'content_block')
    const steps: StreamStep[] = [{ kind: 'open', block, head: readHead(content) }]
    // Some servers send all of a block as it opens.
    const text = textMember(content, 'text') ?? textMember(content, 'thinking') ?? ''
    if (text !== '') steps.push({ kind: 'delta', block, text })
    const input = member(content, 'input')
    if (isObject(input) && Object.keys(input).length > 0) {
      steps.push({ kind: 'delta', block, text: JSON.stringify(input) })
    }
    return steps
  }

  #readEnd(event: unknown): StreamStep[] {
    const delta = member(event, 'delta')
    this.#keepUsage(member(event, 'usage'))
    this.#stop = readStopReason(textMember(delta, 'stop_reason'))
    this.#stopSequence = textMember(delta, 'stop_sequence')
    const text = textMember(member(delta, 'stop_details'), 'explanation')
    if (text === undefined) return []
    const block = this.#blocks++
    return [
      { kind: 'open', block, head: { type: 'refusal' } },
      { kind: 'delta', block, text },
      { kind: 'close', block },
    ]
  }

  #end(): StreamStep {
    if (this.#stop === undefined) throw interrupted({ message: 'no stop reason came' })
    const usage = readMessagesUsage(this.#usage)
    return { kind: 'end', stop: this.#stop, stopSequence: this.#stopSequence, usage }
  }
}

function readIndex(event: unknown): number {
  const index = countMember(event, 'index')
  if (index === undefined) throw invalidReply('a block without an index')
  return index
}

function readHead(content: unknown): BlockHead {
  const type = textMember(content, 'type') ?? ''
  switch (type) {
    case 'text':
      return { type }
    case 'thinking':
      return { type: 'reasoning' }
    case 'redacted_thinking':
      return { type: 'redacted', data: textMember(content, 'data') ?? '' }
    case 'tool_use': {
      const [id, name] = [textMember(content, 'id'), textMember(content, 'name')]
      if (id === undefined || name === undefined) throw invalidReply('a tool use without a name')
      return { type: 'tool_call', id, name }
    }
    default:
      throw invalidReply(`a block of type ${type}, unasked`)
  }
}

function readDelta(event: unknown): StreamStep[] {
  const delta = member(event, 'delta')
  const block = readIndex(event)
  const type = textMember(delta, 'type') ?? ''
  switch (type) {
    case 'text_delta':
      return deltaOf(block, textMember(delta, 'text'))
    case 'input_json_delta':
      return deltaOf(block, textMember(delta, 'partial_json'))
    case 'thinking_delta':
      return deltaOf(block, textMember(delta, 'thinking'))
    case 'signature_delta':
      return [{ kind: 'signature', block, signature: textMember(delta, 'signature') ?? '' }]
    default:
      throw invalidReply(`a delta of type ${type}, unasked`)
  }
}

function deltaOf(block: number, text: string | undefined): StreamStep[] {
  return text === undefined || text === '' ? [] : [{ kind: 'delta', block, text }]
}
