// How the fake provider answers on every wire, by the path it is asked at: text, or a call of the
// first tool that it is offered. The usage is 100 prompt tokens, 40 of them cached, and 20 more.
import { setTimeout as sleep } from 'node:timers/promises'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { asRecord, at, type Json } from './json.ts'

type Exchange = {
  readonly asked: {
    readonly path: string
    readonly body: Buffer
    readonly headers: IncomingHttpHeaders
  }
  readonly response: ServerResponse
}
type Answer = (exchange: Exchange) => Promise<void> | void

export const chatUsage = {
  prompt_tokens: 100,
  completion_tokens: 20,
  total_tokens: 120,
  prompt_tokens_details: { cached_tokens: 40 },
}
const responsesUsage = {
  input_tokens: 100,
  input_tokens_details: { cached_tokens: 40 },
  output_tokens: 20,
  output_tokens_details: { reasoning_tokens: 5 },
  total_tokens: 120,
}
const messagesUsage = {
  input_tokens: 50,
  cache_read_input_tokens: 40,
  cache_creation_input_tokens: 10,
  cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 6 },
  output_tokens: 20,
}

function eventName(event: Json): string {
  const type = event['type']
  return typeof type === 'string' ? `event: ${type}\n` : ''
}

function sse(events: readonly (Json | string)[], named = true): string {
  return events
    .map((event) => {
      if (typeof event === 'string') return `data: ${event}\n\n`
      return `${named ? eventName(event) : ''}data: ${JSON.stringify(event)}\n\n`
    })
    .join('')
}

const chunk = (delta: Json, finish: string | null = null): Json => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_790_000_000,
  model: 'fake',
  choices: [{ index: 0, delta, finish_reason: finish }],
})

function chatReply(tool: string | undefined): Json {
  const call = { id: 'call_1', type: 'function', function: { name: tool, arguments: '{"a":1}' } }
  const message =
    tool === undefined
      ? { role: 'assistant', content: 'Hello' }
      : { role: 'assistant', content: null, tool_calls: [call] }
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_790_000_000,
    model: 'fake',
    choices: [{ index: 0, message, finish_reason: tool === undefined ? 'stop' : 'tool_calls' }],
    usage: chatUsage,
  }
}

function chatStream(tool: string | undefined): string {
  const call = { index: 0, id: 'call_1', type: 'function', function: { name: tool, arguments: '' } }
  const deltas =
    tool === undefined
      ? [chunk({ content: 'Hel' }), chunk({ content: 'lo' }), chunk({}, 'stop')]
      : [
          chunk({ tool_calls: [call] }),
          chunk({ tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] }),
          chunk({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }),
          chunk({}, 'tool_calls'),
        ]
  const usage = { ...chunk({}), choices: [], usage: chatUsage }
  return sse([chunk({ role: 'assistant', content: '' }), ...deltas, usage, '[DONE]'], false)
}

function responseOf(tool: string | undefined, status: string): Json {
  const item =
    tool === undefined
      ? {
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'Hello', annotations: [] }],
        }
      : {
          id: 'fc_1',
          type: 'function_call',
          call_id: 'call_1',
          name: tool,
          arguments: '{"a":1}',
          status: 'completed',
        }
  const isOver = status === 'completed'
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1_790_000_000,
    status,
    model: 'fake',
    error: null,
    output: isOver ? [item] : [],
    usage: isOver ? responsesUsage : null,
  }
}

function responsesStream(tool: string | undefined): string {
  const place = { output_index: 0, item_id: tool === undefined ? 'msg_1' : 'fc_1' }
  const whole = responseOf(tool, 'completed')
  const item = asRecord(at(whole, 'output.0'))
  const middle: Json[] =
    tool === undefined
      ? [
          {
            type: 'response.output_item.added',
            output_index: 0,
            item: { ...item, status: 'in_progress', content: [] },
          },
          {
            type: 'response.content_part.added',
            ...place,
            content_index: 0,
            part: { type: 'output_text', text: '', annotations: [] },
          },
          { type: 'response.output_text.delta', ...place, content_index: 0, delta: 'Hel' },
          { type: 'response.output_text.delta', ...place, content_index: 0, delta: 'lo' },
          { type: 'response.output_text.done', ...place, content_index: 0, text: 'Hello' },
          {
            type: 'response.content_part.done',
            ...place,
            content_index: 0,
            part: { type: 'output_text', text: 'Hello', annotations: [] },
          },
          { type: 'response.output_item.done', output_index: 0, item },
        ]
      : [
          {
            type: 'response.output_item.added',
            output_index: 0,
            item: { ...item, status: 'in_progress', arguments: '' },
          },
          { type: 'response.function_call_arguments.delta', ...place, delta: '{"a":1}' },
          { type: 'response.function_call_arguments.done', ...place, arguments: '{"a":1}' },
          { type: 'response.output_item.done', output_index: 0, item },
        ]
  const events = [
    { type: 'response.created', response: responseOf(tool, 'in_progress') },
    ...middle,
    { type: 'response.completed', response: whole },
  ]
  return sse(events.map((event, index) => ({ ...event, sequence_number: index })))
}

function messageOf(tool: string | undefined): Json {
  const content =
    tool === undefined
      ? [{ type: 'text', text: 'Hello' }]
      : [{ type: 'tool_use', id: 'toolu_1', name: tool, input: { a: 1 } }]
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'fake',
    content,
    stop_reason: tool === undefined ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage: messagesUsage,
  }
}

function messagesStream(tool: string | undefined): string {
  const whole = messageOf(tool)
  const block =
    tool === undefined
      ? { type: 'text', text: '' }
      : { type: 'tool_use', id: 'toolu_1', name: tool, input: {} }
  const deltas =
    tool === undefined
      ? [
          { type: 'text_delta', text: 'Hel' },
          { type: 'text_delta', text: 'lo' },
        ]
      : [{ type: 'input_json_delta', partial_json: '{"a":1}' }]
  const usage = { ...messagesUsage, output_tokens: 1 }
  return sse([
    {
      type: 'message_start',
      message: { ...whole, content: [], stop_reason: null, usage },
    },
    { type: 'content_block_start', index: 0, content_block: block },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index: 0, delta })),
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: whole['stop_reason'], stop_sequence: null },
      usage: { output_tokens: 20 },
    },
    { type: 'message_stop' },
  ])
}

function firstTool(body: unknown): string | undefined {
  const tool = at(body, 'tools.0')
  const name = at(tool, 'function.name') ?? at(tool, 'name')
  return typeof name === 'string' ? name : undefined
}

const replies: readonly (readonly [string, (tool: string | undefined) => Json])[] = [
  ['/chat/completions', chatReply],
  ['/responses', (tool) => responseOf(tool, 'completed')],
  ['/messages', messageOf],
  ['/messages/count_tokens', () => ({ input_tokens: 42 })],
  [
    '/embeddings',
    () => ({
      object: 'list',
      model: 'fake',
      data: [{ object: 'embedding', index: 0, embedding: [0.25, -0.5] }],
      usage: { prompt_tokens: 7, total_tokens: 7 },
    }),
  ],
]

const streams: readonly (readonly [string, (tool: string | undefined) => string])[] = [
  ['/chat/completions', chatStream],
  ['/responses', responsesStream],
  ['/messages', messagesStream],
]

function streamFor(asked: Exchange['asked']): string {
  const tool = firstTool(JSON.parse(asked.body.toString('utf8')))
  const stream = streams.find(([end]) => asked.path.endsWith(end))
  return stream?.[1](tool) ?? ''
}

function speak({ asked, response }: Exchange): void {
  const body: unknown = JSON.parse(asked.body.toString('utf8'))
  const ids = { 'x-request-id': 'req-1', 'x-ratelimit-remaining-requests': '9', 'x-secret': 'no' }
  if (at(body, 'stream') === true) {
    response.writeHead(200, { 'content-type': 'text/event-stream', ...ids })
    response.end(streamFor(asked))
    return
  }
  const reply = replies.find(([end]) => asked.path.endsWith(end))
  response.writeHead(200, { 'content-type': 'application/json', ...ids })
  response.end(JSON.stringify(reply?.[1](firstTool(body)) ?? {}))
}

/** A whole reply, also to who asks for a stream. */
function answerWhole({ asked, response }: Exchange): void {
  const body: unknown = JSON.parse(asked.body.toString('utf8'))
  const reply = replies.find(([end]) => asked.path.endsWith(end))
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(reply?.[1](firstTool(body)) ?? {}))
}

/** Streams so many words, whatever limit it was given, one an event. */
function talkOn(words: number): Answer {
  return async ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let word = 0; word < words && !response.destroyed; word += 1) {
      response.write(sse([chunk({ content: ' word' })], false))
      if (word % 20 === 19) await sleep(1)
    }
    response.end(sse([chunk({}, 'length'), { choices: [], usage: chatUsage }, '[DONE]'], false))
  }
}

/** The stream of each wire up to so many events; then the connection is cut. */
function cutAfter(events: number): Answer {
  return ({ asked, response }) => {
    const kept = streamFor(asked).split('\n\n').slice(0, events).join('\n\n')
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`${kept}\n\n`, () => response.destroy())
  }
}

const errorEvents: Readonly<Record<string, string>> = {
  '/chat/completions': sse([{ error: { message: 'overloaded', type: 'server_error' } }], false),
  '/responses': sse([{ type: 'error', code: 'server_error', message: 'overloaded' }]),
  '/messages': sse([{ type: 'error', error: { type: 'overloaded_error', message: 'overloaded' } }]),
}

/** An error event after so many events of the stream. */
function failAfter(events: number): Answer {
  return ({ asked, response }) => {
    const kept = streamFor(asked).split('\n\n').slice(0, events)
    const end = Object.entries(errorEvents).find(([path]) => asked.path.endsWith(path))?.[1] ?? ''
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end([...kept, end].join('\n\n'))
  }
}

export const wireBehaviours: Readonly<Record<string, Answer>> = {
  wires: speak,
  whole: answerWhole,
  'talk-on': talkOn(400),
  'talk-long': talkOn(20_000),
  /** Without the empty line that ends an event. */
  'no-last-line': ({ asked, response }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(streamFor(asked).trimEnd())
  },
  'cut-early': cutAfter(0),
  'cut-late': cutAfter(3),
  'fail-first': failAfter(0),
  'fail-late': failAfter(3),
  'busy-date': ({ response }) => {
    const until = new Date(Date.now() + 1000).toUTCString()
    response.writeHead(503, { 'content-type': 'application/json', 'retry-after': until })
    response.end('{"error":{"message":"busy","type":"server_error"}}')
  },
}
