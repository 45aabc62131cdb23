// A stream for a Messages client.
import type { BlockHead, StreamStep, StreamWriter, TranslationContext } from '../conversation.ts'
import { textMember } from '../read-json.ts'
import { send } from './event.ts'
import { stopReasons } from './reply.ts'
import { writeMessagesUsage } from './usage.ts'

const deltaTypes = {
  text: ['text_delta', 'text'],
  refusal: ['text_delta', 'text'],
  reasoning: ['thinking_delta', 'thinking'],
  tool_call: ['input_json_delta', 'partial_json'],
  redacted: ['', ''],
} as const

export function createMessagesWriter(context: TranslationContext): StreamWriter {
  const writer = new MessagesWriter(context)
  return { write: (step) => writer.write(step) }
}

class MessagesWriter {
  readonly #context: TranslationContext
  #index = -1
  /** What comes before the text of a delta in the open block. */
  #before = ''
  #hasRefusal = false

  constructor(context: TranslationContext) {
    this.#context = context
  }

  write(step: StreamStep): string {
    switch (step.kind) {
      case 'start':
        return this.#start(step)
      case 'open':
        return this.#open(step.head)
      case 'delta':
        return `${this.#before}${JSON.stringify(step.text)}}}\n\n`
      case 'signature': {
        const delta = { type: 'signature_delta', signature: step.signature }
        return send('content_block_delta', { index: this.#index, delta })
      }
      case 'close':
        return send('content_block_stop', { index: this.#index })
      case 'end':
        break
    }
    return this.#end(step)
  }

  #start({ id, model, usage }: StreamStep & { kind: 'start' }): string {
    const context = this.#context
    const message = {
      id: id ?? context.id,
      type: 'message',
      role: 'assistant',
      model: model ?? textMember(context.body, 'model') ?? '',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      usage: writeMessagesUsage(usage),
    }
    return send('message_start', { message })
  }

  #open(head: BlockHead): string {
    this.#index += 1
    const [type, field] = deltaTypes[head.type]
    const start = `{"type":"content_block_delta","index":${this.#index},"delta":`
    this.#before = `event: content_block_delta\ndata: ${start}{"type":"${type}","${field}":`
    if (head.type === 'refusal') this.#hasRefusal = true
    return send('content_block_start', { index: this.#index, content_block: writeHead(head) })
  }

  #end({ stop, stopSequence, usage }: StreamStep & { kind: 'end' }): string {
    const reason = stop === 'end' && this.#hasRefusal ? 'refusal' : stopReasons[stop]
    const delta = { stop_reason: reason, stop_sequence: stopSequence ?? null, stop_details: null }
    const told = writeMessagesUsage(usage)
    return send('message_delta', { delta, usage: told }) + send('message_stop', {})
  }
}

function writeHead(head: BlockHead): object {
  switch (head.type) {
    case 'text':
    case 'refusal':
      return { type: 'text', text: '', citations: null }
    case 'reasoning':
      return { type: 'thinking', thinking: '', signature: '' }
    case 'redacted':
      return { type: 'redacted_thinking', data: head.data }
    case 'tool_call':
      break
  }
  return { type: 'tool_use', id: head.id, name: head.name, input: {} }
}
