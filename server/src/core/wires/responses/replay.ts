// A whole Responses reply as its stream.
import { isObject } from '../fields.ts'
import { invalidReply, listMember, member, textMember } from '../read-json.ts'
import { writeEvent } from '../sse.ts'

type Send = (type: string, members: object) => void

export function replayResponses(body: object): string[] {
  const status = textMember(body, 'status')
  if (status !== 'completed' && status !== 'incomplete') {
    throw invalidReply(`the status ${status ?? 'null'}`)
  }
  const events: string[] = []
  const send: Send = (type, members) => {
    const event = { type, sequence_number: events.length, ...members }
    events.push(writeEvent(type, JSON.stringify(event)))
  }
  const open = { status: 'in_progress', incomplete_details: null, output: [], usage: null }
  const started = { ...body, ...open }
  send('response.created', { response: started })
  send('response.in_progress', { response: started })
  listMember(body, 'output').forEach((item, index) => replayItem(item, index, send))
  send(`response.${status}`, { response: body })
  return events
}

function replayItem(item: unknown, index: number, send: Send): void {
  if (!isObject(item)) throw invalidReply('an item that is no object')
  const place = { item_id: textMember(item, 'id') ?? '', output_index: index }
  const added = { output_index: index, item: openItem(item) }
  send('response.output_item.added', added)
  switch (textMember(item, 'type') ?? '') {
    case 'message':
      listMember(item, 'content').forEach((part, at) => {
        replayPart(part, { ...place, content_index: at }, send)
      })
      break
    case 'function_call': {
      const text = textMember(item, 'arguments') ?? ''
      send('response.function_call_arguments.delta', { ...place, delta: text })
      const done = { ...place, name: member(item, 'name'), arguments: text }
      send('response.function_call_arguments.done', done)
      break
    }
    case 'reasoning':
      listMember(item, 'summary').forEach((part, at) => {
        replaySummary(part, { ...place, summary_index: at }, send)
      })
  }
  send('response.output_item.done', { output_index: index, item })
}

/** As an item is before anything of it is there; one that does not stream comes as a whole. */
function openItem(item: object): object {
  switch (textMember(item, 'type') ?? '') {
    case 'message':
      return { ...item, status: 'in_progress', content: [] }
    case 'function_call':
      return { ...item, status: 'in_progress', arguments: '' }
    case 'reasoning':
      return { ...item, status: 'in_progress', summary: [] }
    default:
      return item
  }
}

function replayPart(part: unknown, at: object, send: Send): void {
  if (!isObject(part)) throw invalidReply('a part that is no object')
  const type = textMember(part, 'type')
  if (type === 'output_text') {
    const text = textMember(part, 'text') ?? ''
    const logprobs = listMember(part, 'logprobs')
    send('response.content_part.added', { ...at, part: { ...part, text: '', annotations: [] } })
    send('response.output_text.delta', { ...at, delta: text, logprobs })
    send('response.output_text.done', { ...at, text, logprobs })
  } else if (type === 'refusal') {
    const refusal = textMember(part, 'refusal') ?? ''
    send('response.content_part.added', { ...at, part: { ...part, refusal: '' } })
    send('response.refusal.delta', { ...at, delta: refusal })
    send('response.refusal.done', { ...at, refusal })
  } else send('response.content_part.added', { ...at, part })
  send('response.content_part.done', { ...at, part })
}

function replaySummary(part: unknown, at: object, send: Send): void {
  const text = textMember(part, 'text') ?? ''
  send('response.reasoning_summary_part.added', { ...at, part: { type: 'summary_text', text: '' } })
  send('response.reasoning_summary_text.delta', { ...at, delta: text })
  send('response.reasoning_summary_text.done', { ...at, text })
  send('response.reasoning_summary_part.done', { ...at, part })
}
