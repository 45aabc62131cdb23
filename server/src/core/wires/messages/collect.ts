// A whole Messages reply from its stream.
import type { SentEvent } from '../conversation.ts'
import { isObject } from '../fields.ts'
import { countMember, invalidReply, member, parseEvent, textMember } from '../read-json.ts'

type Block = { readonly content: Record<string, unknown>; json: string }

/** Blocks of one message. */
const blocksMax = 4096

export class MessagesCollector {
  #message: Record<string, unknown> | undefined
  readonly #blocks: Block[] = []
  #isDone = false

  push({ data }: SentEvent): void {
    if (data === '') return
    const event = parseEvent(data)
    switch (textMember(event, 'type') ?? '') {
      case 'message_start': {
        const message = member(event, 'message')
        if (isObject(message)) this.#message = { ...message }
        return
      }
      case 'content_block_start': {
        const content = member(event, 'content_block')
        if (this.#blocks.length >= blocksMax) throw invalidReply('too many blocks')
        this.#blocks.push({ content: isObject(content) ? { ...content } : {}, json: '' })
        return
      }
      case 'content_block_delta':
        this.#grow(this.#blocks[countMember(event, 'index') ?? -1], member(event, 'delta'))
        return
      case 'message_delta':
        this.#end(event)
        return
      case 'message_stop':
        this.#isDone = true
    }
  }

  #grow(block: Block | undefined, delta: unknown): void {
    if (block === undefined) throw invalidReply('a delta of no block')
    const { content } = block
    const append = (name: string): void => {
      content[name] = `${textMember(content, name) ?? ''}${textMember(delta, name) ?? ''}`
    }
    switch (textMember(delta, 'type') ?? '') {
      case 'text_delta':
        return append('text')
      case 'thinking_delta':
        return append('thinking')
      case 'signature_delta':
        return append('signature')
      case 'input_json_delta':
        block.json += textMember(delta, 'partial_json') ?? ''
        return
      case 'citations_delta': {
        const known = content['citations']
        content['citations'] = [...(Array.isArray(known) ? known : []), member(delta, 'citation')]
        return
      }
      default:
        throw invalidReply('a delta of a type that is not known')
    }
  }

  #end(event: unknown): void {
    const [delta, usage] = [member(event, 'delta'), member(event, 'usage')]
    if (this.#message === undefined) return
    if (isObject(delta)) Object.assign(this.#message, delta)
    if (!isObject(usage)) return
    const told = Object.entries(usage).filter(([, value]) => value !== null)
    const known = this.#message['usage']
    this.#message['usage'] = { ...(isObject(known) ? known : {}), ...Object.fromEntries(told) }
  }

  reply(): object | undefined {
    const isWhole = this.#isDone && typeof this.#message?.['stop_reason'] === 'string'
    return isWhole ? { ...this.#message, content: this.#blocks.map(closeBlock) } : undefined
  }
}

/** Throws `upstream.invalid` when the input of a tool use came broken. */
function closeBlock({ content, json }: Block): object {
  return json === '' ? content : { ...content, input: parseEvent(json) }
}
