// OpenAI Responses, out: whole and streamed.
import { lettersOf } from '../digest.ts'
import { field } from '../json.ts'
import type { Frame, Reply } from '../reply.ts'
import { piecesOf } from '../reply.ts'

export function responseId(idSeed: string): string {
  return `resp_${lettersOf(40, idSeed)}`
}

export function wholeResponses(reply: Reply): object {
  const isCut = reply.answer.finish === 'length'
  const told = reply.tell(usageOf(reply))
  return {
    ...head(reply),
    status: isCut ? 'incomplete' : 'completed',
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    completed_at: isCut ? null : reply.createdAtSeconds,
    output: itemsOf(reply).map(({ whole }) => whole),
    ...(told === undefined ? {} : { usage: told }),
  }
}

function head({ idSeed, asked, body, createdAtSeconds }: Reply): object {
  return {
    id: responseId(idSeed),
    object: 'response',
    created_at: createdAtSeconds,
    status: 'in_progress',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: field(body, 'instructions') ?? null,
    max_output_tokens: asked.maxTokens ?? null,
    model: asked.model,
    output: [],
    parallel_tool_calls: asked.isParallel,
    previous_response_id: field(body, 'previous_response_id') ?? null,
    reasoning: { effort: null, summary: null },
    service_tier: 'default',
    store: field(body, 'store') !== false,
    temperature: 1,
    text: { format: { type: 'text' } },
    tool_choice: field(body, 'tool_choice') ?? 'auto',
    tools: field(body, 'tools') ?? [],
    top_p: 1,
    truncation: 'disabled',
    usage: null,
    user: null,
    metadata: field(body, 'metadata') ?? {},
  }
}

function usageOf({ usage }: Reply): object {
  return {
    input_tokens: usage.prompt,
    input_tokens_details: { cached_tokens: usage.cached },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: usage.prompt + usage.output,
  }
}

type Event = { readonly type: string; readonly tokens?: number } & Readonly<Record<string, unknown>>

/** An item of the output, and the events between its being added and its being done. */
type Item = {
  readonly whole: object
  readonly added: object
  readonly events: readonly Event[]
}

function itemsOf(reply: Reply): Item[] {
  const { answer, idSeed } = reply
  const items: Item[] = []
  if (answer.reasoning.length > 0) items.push(reasoningItem(reply))
  if (answer.text.length > 0 || answer.refusal.length > 0 || answer.calls.length === 0) {
    items.push(messageItem(reply))
  }
  for (const [at, call] of answer.calls.entries()) {
    const id = `fc_${lettersOf(40, idSeed, at)}`
    const callId = `call_${lettersOf(24, idSeed, at)}`
    const args = call.arguments.join('')
    const item = { id, type: 'function_call', call_id: callId, name: call.name }
    const place = { item_id: id, output_index: items.length }
    const deltas = piecesOf(call.arguments).map(({ text, tokens }) => ({
      type: 'response.function_call_arguments.delta',
      ...place,
      delta: text,
      tokens,
    }))
    const done = {
      type: 'response.function_call_arguments.done',
      ...place,
      name: call.name,
      arguments: args,
      tokens: 1,
    }
    items.push({
      whole: { ...item, status: statusOf(reply), arguments: args },
      added: { ...item, status: 'in_progress', arguments: '' },
      events: [...deltas, done],
    })
  }
  return items
}

function statusOf({ answer }: Reply): string {
  return answer.finish === 'length' ? 'incomplete' : 'completed'
}

function reasoningItem({ answer, idSeed }: Reply): Item {
  const id = `rs_${lettersOf(40, idSeed)}`
  const text = answer.reasoning.join('')
  const part = { type: 'summary_text', text }
  const place = { item_id: id, output_index: 0, summary_index: 0 }
  const name = 'response.reasoning_summary'
  return {
    whole: { id, type: 'reasoning', summary: [part] },
    added: { id, type: 'reasoning', summary: [] },
    events: [
      { type: `${name}_part.added`, ...place, part: { ...part, text: '' } },
      ...piecesOf(answer.reasoning).map((piece) => ({
        type: `${name}_text.delta`,
        ...place,
        delta: piece.text,
        tokens: piece.tokens,
      })),
      { type: `${name}_text.done`, ...place, text },
      { type: `${name}_part.done`, ...place, part },
    ],
  }
}

function messageItem(reply: Reply): Item {
  const { answer, idSeed } = reply
  const id = `msg_${lettersOf(40, idSeed)}`
  const isRefusal = answer.refusal.length > 0
  const kind = isRefusal ? 'refusal' : 'output_text'
  const tokens = isRefusal ? answer.refusal : answer.text
  const text = tokens.join('')
  const content = isRefusal
    ? { type: 'refusal', refusal: text }
    : { type: 'output_text', text, annotations: [], logprobs: [] }
  const empty = isRefusal ? { ...content, refusal: '' } : { ...content, text: '' }
  const place = { item_id: id, output_index: answer.reasoning.length > 0 ? 1 : 0, content_index: 0 }
  const more = isRefusal ? {} : { logprobs: [] }
  const item = { id, type: 'message', role: 'assistant' }
  return {
    whole: { ...item, status: statusOf(reply), content: [content] },
    added: { ...item, status: 'in_progress', content: [] },
    events: [
      { type: 'response.content_part.added', ...place, part: empty },
      ...piecesOf(tokens).map((piece) => ({
        type: `response.${kind}.delta`,
        ...place,
        delta: piece.text,
        ...more,
        tokens: piece.tokens,
      })),
      { type: `response.${kind}.done`, ...place, [isRefusal ? 'refusal' : 'text']: text, ...more },
      { type: 'response.content_part.done', ...place, part: content },
    ],
  }
}

export function* streamResponses(reply: Reply): Iterable<Frame> {
  let sequence = 0
  const frame = ({ tokens = 0, ...event }: Event, isEnd = false): Frame => {
    const data = JSON.stringify({ ...event, sequence_number: sequence })
    sequence += 1
    return { event: event.type, data, tokens, isEnd }
  }
  const begun = head(reply)
  yield frame({ type: 'response.created', response: begun })
  yield frame({ type: 'response.in_progress', response: begun })
  for (const [at, { whole, added, events }] of itemsOf(reply).entries()) {
    yield frame({ type: 'response.output_item.added', output_index: at, item: added })
    for (const event of events) yield frame(event)
    yield frame({ type: 'response.output_item.done', output_index: at, item: whole })
  }
  const type = reply.answer.finish === 'length' ? 'response.incomplete' : 'response.completed'
  yield frame({ type, response: wholeResponses(reply) }, true)
}
