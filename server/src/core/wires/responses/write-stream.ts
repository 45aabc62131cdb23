// A stream for a Responses client: each item is announced, filled, told once more as it is done,
// and all of them again at the end.
import type {
  BlockHead,
  OutputPart,
  StreamStep,
  StreamWriter,
  TranslationContext,
} from '../conversation.ts'
import { itemId, writeContent, writeItem } from './items.ts'
import { endResponse, startResponse } from './reply.ts'

export function createResponsesWriter(context: TranslationContext): StreamWriter {
  const writer = new ResponsesWriter(context)
  return { write: (step) => writer.write(step) }
}

const deltaTypes = {
  text: 'response.output_text.delta',
  refusal: 'response.refusal.delta',
  reasoning: 'response.reasoning_summary_text.delta',
  tool_call: 'response.function_call_arguments.delta',
} as const

type Open = { readonly head: BlockHead; readonly id: string; text: string; signature: string }

class ResponsesWriter {
  readonly #context: TranslationContext
  #sequence = 0
  #response: object = {}
  readonly #output: object[] = []
  #open: Open | undefined
  /** What comes before the sequence number of a delta in the open block. */
  #before = ''

  constructor(context: TranslationContext) {
    this.#context = context
  }

  write(step: StreamStep): string {
    switch (step.kind) {
      case 'start':
        this.#response = startResponse(step, this.#context)
        return (
          this.#send('response.created', { response: this.#response }) +
          this.#send('response.in_progress', { response: this.#response })
        )
      case 'open':
        return this.#begin(step.head)
      case 'delta':
        if (this.#open === undefined) return ''
        this.#open.text += step.text
        return `${this.#before}${this.#sequence++},"delta":${JSON.stringify(step.text)}}\n\n`
      case 'signature':
        if (this.#open !== undefined) this.#open.signature += step.signature
        return ''
      case 'close':
        return this.#finish()
      case 'end':
        break
    }
    const end = endResponse(step, this.#output, this.#context)
    const type = end.status === 'completed' ? 'response.completed' : 'response.incomplete'
    return this.#send(type, { response: { ...this.#response, ...end } })
  }

  #send(type: string, members: object): string {
    const event = JSON.stringify({ type, sequence_number: this.#sequence++, ...members })
    return `event: ${type}\ndata: ${event}\n\n`
  }

  #begin(head: BlockHead): string {
    const type = head.type === 'redacted' ? 'reasoning' : head.type
    const id = itemId(type, this.#context, this.#output.length)
    this.#open = { head, id, text: '', signature: '' }
    // Whether a redacted thought is told is known as it closes.
    if (head.type === 'redacted') return ''
    const index = this.#output.length
    const place = { item_id: id, output_index: index }
    const deltaType = deltaTypes[head.type]
    const told = JSON.stringify({ type: deltaType, ...place, ...placeWithin(head) })
    this.#before = `event: ${deltaType}\ndata: ${told.slice(0, -1)},"sequence_number":`
    const item = this.#send('response.output_item.added', {
      output_index: index,
      item: emptyItem(head, id),
    })
    switch (head.type) {
      case 'text':
      case 'refusal': {
        const part = writeContent({ type: head.type, text: '' })
        return (
          item + this.#send('response.content_part.added', { ...place, content_index: 0, part })
        )
      }
      case 'reasoning': {
        const part = { type: 'summary_text', text: '' }
        const members = { ...place, summary_index: 0, part }
        return item + this.#send('response.reasoning_summary_part.added', members)
      }
      case 'tool_call':
        break
    }
    return item
  }

  #finish(): string {
    const open = this.#open
    if (open === undefined) return ''
    this.#open = undefined
    const index = this.#output.length
    const part = partOf(open)
    const item = writeItem(part, { id: open.id, context: this.#context })
    if (item === undefined && open.head.type === 'redacted') return ''
    const done = item ?? { ...emptyItem(open.head, open.id), status: 'completed' }
    const added =
      open.head.type === 'redacted'
        ? this.#send('response.output_item.added', { output_index: index, item: done })
        : this.#finishPart(part, { item_id: open.id, output_index: index })
    this.#output.push(done)
    return added + this.#send('response.output_item.done', { output_index: index, item: done })
  }

  #finishPart(part: OutputPart, place: object): string {
    switch (part.type) {
      case 'text':
      case 'refusal': {
        const at = { ...place, content_index: 0 }
        const told =
          part.type === 'text'
            ? this.#send('response.output_text.done', { ...at, text: part.text, logprobs: [] })
            : this.#send('response.refusal.done', { ...at, refusal: part.text })
        return told + this.#send('response.content_part.done', { ...at, part: writeContent(part) })
      }
      case 'reasoning': {
        const at = { ...place, summary_index: 0 }
        const summary = { type: 'summary_text', text: part.text }
        return (
          this.#send('response.reasoning_summary_text.done', { ...at, text: part.text }) +
          this.#send('response.reasoning_summary_part.done', { ...at, part: summary })
        )
      }
      case 'tool_call':
        break
    }
    const told = { ...place, name: part.name, arguments: part.arguments }
    return this.#send('response.function_call_arguments.done', told)
  }
}

function placeWithin(head: BlockHead): object {
  if (head.type === 'reasoning') return { summary_index: 0 }
  if (head.type === 'text') return { content_index: 0, logprobs: [] }
  return head.type === 'refusal' ? { content_index: 0 } : {}
}

function emptyItem(head: BlockHead, id: string): object {
  const status = 'in_progress'
  switch (head.type) {
    case 'text':
    case 'refusal':
      return { id, type: 'message', status, role: 'assistant', content: [] }
    case 'reasoning':
    case 'redacted':
      return { id, type: 'reasoning', status, summary: [] }
    case 'tool_call':
      break
  }
  const called = { call_id: head.id, name: head.name, arguments: '' }
  return { id, type: 'function_call', status, ...called }
}

function partOf({ head, text, signature }: Open): OutputPart {
  switch (head.type) {
    case 'text':
    case 'refusal':
      return { type: head.type, text }
    case 'reasoning':
      return { type: 'reasoning', text, signature }
    case 'redacted':
      return { type: 'reasoning', text: '', redacted: head.data }
    case 'tool_call':
      break
  }
  return { type: 'tool_call', id: head.id, name: head.name, arguments: text }
}
