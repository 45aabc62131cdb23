// A stream for a Messages client.
import type { BlockHead, StreamStep, StreamWriter, TranslationContext } from '../conversation.ts'
import { textMember } from '../read-json.ts'
import { send } from './event.ts'
import { stopReasons } from './reply.ts'
import { writeMessagesUsage } from './usage.ts'

const deltaTypes = {
  text: ['text_delta', 'text'],
  refusal: ['text_delta', 'text'],
  tool_call: ['input_json_delta', 'partial_json'],
} as const

const ping = send('ping', {})

export function createMessagesWriter(context: TranslationContext): StreamWriter {
  const writer = new MessagesWriter(context)
  return { write: (step) => writer.write(step) }
}

class MessagesWriter {
  readonly #context: TranslationContext
  #index = -1
  /** What comes before the text of a delta in the open block; empty in one that is not told. */
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
        // The client sees that the model is at work, where it thinks.
        if (this.#before === '') return ping
        return `${this.#before}${JSON.stringify(step.text)}}}\n\n`
      case 'signature':
        return ''
      case 'close':
        return this.#before === '' ? '' : send('content_block_stop', { index: this.#index })
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

  /**
   * A thought of another provider is not told: it has no signature of Anthropic's, the client would
   * send it back, and Anthropic refuse it.
   */
  #open(head: BlockHead): string {
    this.#before = ''
    if (head.type === 'reasoning' || head.type === 'redacted') return ''
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
  if (head.type !== 'tool_call') return { type: 'text', text: '', citations: null }
  return { type: 'tool_use', id: head.id, name: head.name, input: {} }
}
