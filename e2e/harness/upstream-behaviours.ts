// How the fake provider answers, by name. The usage is always 100 prompt tokens, 40 of them cached,
// and 20 completion tokens, where a behaviour says nothing else.
import { setTimeout as sleep } from 'node:timers/promises'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { asRecord, at, type Json } from './json.ts'

export type Asked = {
  readonly behaviour: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** True once the client of the upstream, the gateway, has gone away. */
  isGone: boolean
}

export type Answer = (exchange: {
  readonly asked: Asked
  readonly response: ServerResponse
  /** Opened by the test: see `FakeUpstream.gate`. */
  readonly passGate: () => Promise<void>
}) => Promise<void> | void

export const usage = {
  prompt_tokens: 100,
  completion_tokens: 20,
  total_tokens: 120,
  prompt_tokens_details: { cached_tokens: 40 },
}

const head = { id: 'chatcmpl-fake', created: 1_790_000_000, model: 'fake', object: 'x' }

function wantsStream(asked: Asked): boolean {
  return at(JSON.parse(asked.body.toString('utf8')), 'stream') === true
}

export function completion(content: string, more: Json = {}): string {
  return JSON.stringify({
    ...head,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage,
    ...more,
  })
}

export function frame(fields: Json): string {
  return `data: ${JSON.stringify({ ...head, ...fields })}\n\n`
}

export function delta(fields: Json, finish: string | null = null): string {
  return frame({ choices: [{ index: 0, delta: fields, finish_reason: finish }] })
}

const textFrames = [
  delta({ role: 'assistant', content: '' }),
  delta({ content: 'Hel' }),
  delta({ content: 'lo' }),
  delta({}, 'stop'),
]
const usageFrame = frame({ choices: [], usage })
const done = 'data: [DONE]\n\n'

function startStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
}

function sendJson(response: ServerResponse, text: string, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(text)
}

function answerWell(asked: Asked, response: ServerResponse, content = 'Hello'): void {
  if (!wantsStream(asked)) {
    sendJson(response, completion(content, { x_unknown: { kept: [1, 'ä', null] } }))
    return
  }
  startStream(response)
  // In pieces that end anywhere: a reader must not trust the bounds of chunks.
  const text = [...textFrames, frame({ choices: [], x_unknown: 1, usage }), done].join('')
  const bytes = Buffer.from(text)
  for (let from = 0; from < bytes.length; from += 37) {
    response.write(bytes.subarray(from, from + 37))
  }
  response.end()
}

function refuseWith(status: number, headers: Record<string, string> = {}): Answer {
  return ({ response }) => {
    const error = { message: `a fake ${status}`, type: 'server_error', code: 'fake_fault' }
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify({ error }))
  }
}

function stream(...frames: readonly string[]): Answer {
  return ({ response }) => {
    startStream(response)
    response.end(frames.join(''))
  }
}

function json(text: string): Answer {
  return ({ response }) => sendJson(response, text)
}

function callsTool(name: string): Answer {
  const call = { index: 0, id: 'c1', type: 'function', function: { name, arguments: '{}' } }
  return ({ asked, response }) => {
    if (wantsStream(asked)) {
      startStream(response)
      response.end([delta({ tool_calls: [call] }, 'tool_calls'), usageFrame, done].join(''))
      return
    }
    const message = { role: 'assistant', content: null, tool_calls: [call] }
    sendJson(response, completion('', { choices: [{ index: 0, message }] }))
  }
}

const anthropicUsage = { input_tokens: 50, cache_read_input_tokens: 40, output_tokens: 1 }

const anthropic: Answer = ({ asked, response }) => {
  if (!wantsStream(asked)) {
    const content = [{ type: 'text', text: 'Hello' }]
    const counted = { ...anthropicUsage, output_tokens: 20 }
    sendJson(response, JSON.stringify({ type: 'message', content, usage: counted, x_unknown: 1 }))
    return
  }
  startStream(response)
  const events: readonly Json[] = [
    { type: 'message_start', message: { id: 'm', usage: anthropicUsage } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 20 } },
    { type: 'message_stop' },
  ]
  for (const event of events) {
    response.write(`event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`)
  }
  response.end()
}

const hugeBytes = 33 * 1024 * 1024

async function answerHuge(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' })
  const piece = Buffer.alloc(1024 * 1024, 0x20)
  for (let sent = 0; sent < hugeBytes && !response.destroyed; sent += piece.length) {
    if (!response.write(piece)) await drained(response)
  }
  response.end(completion('huge'))
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })
}

export const behaviours: Readonly<Record<string, Answer>> = {
  echo: ({ asked, response }) => answerWell(asked, response),
  /** Waits for the test before it answers anything. */
  gated: async ({ asked, response, passGate }) => {
    await passGate()
    answerWell(asked, response)
  },
  /** Streams the text, waits for the test, streams the end. */
  'gated-end': async ({ response, passGate }) => {
    startStream(response)
    response.write(textFrames.join(''))
    await passGate()
    response.end([usageFrame, done].join(''))
  },
  /** Never answers, until the other side gives up. */
  silent: () => undefined,
  'delay-20': async ({ asked, response }) => {
    await sleep(20)
    answerWell(asked, response)
  },
  'refuse-400': refuseWith(400),
  'refuse-429': refuseWith(429, { 'retry-after': '7' }),
  'refuse-500': refuseWith(500),
  'refuse-503': refuseWith(503),
  reset: ({ response }) => {
    response.socket?.resetAndDestroy()
  },
  'cut-body': ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 5000 })
    response.write('{"choices":[', () => response.destroy())
  },
  'cut-stream': ({ response }) => {
    startStream(response)
    response.write(textFrames.join(''), () => response.destroy())
  },
  'early-end': stream(...textFrames),
  'broken-event': stream(textFrames[1] ?? '', 'data: {"usage":{,"tool_calls"\n\n', done),
  'no-usage': ({ asked, response }) => {
    if (!wantsStream(asked)) {
      sendJson(response, completion('Hello', { usage: undefined }))
      return
    }
    startStream(response)
    response.end([...textFrames, done].join(''))
  },
  'wrong-usage': json(
    completion('Hello', { usage: { prompt_tokens: -3, completion_tokens: '20' } }),
  ),
  'huge-usage': json(
    completion('Hello', { usage: { prompt_tokens: 900_000, completion_tokens: 50 } }),
  ),
  'absurd-usage': json(
    completion('Hello', { usage: { prompt_tokens: 9_007_199_254_740_991, completion_tokens: 50 } }),
  ),
  garbage: json('<html>503 Service Temporarily Unavailable</html>'),
  'refuse-page': ({ response }) => {
    response.writeHead(502, { 'content-type': 'text/html' }).end('<html>502 Bad Gateway</html>')
  },
  'refuse-list': ({ response }) => {
    sendJson(response, JSON.stringify([{ error: { code: 400, message: 'a fake list' } }]), 400)
  },
  'refuse-reply': ({ response }) => sendJson(response, completion('Hello'), 500),
  'plain-type': ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
    response.end(completion('Hello'))
  },
  'no-completion': json('{"hello":"world"}'),
  'zero-usage': json(completion('Hello', { usage: { prompt_tokens: 0, completion_tokens: 0 } })),
  'served-dearer': json(completion('Hello', { service_tier: 'priority' })),
  moved: ({ response }) => {
    response.writeHead(302, { location: 'https://elsewhere.example/v1' }).end('moved')
  },
  huge: ({ response }) => answerHuge(response),
  'tool-permitted': callsTool('get_order'),
  'tool-outside': callsTool('drop_database'),
  anthropic,
  /** Embeds a text as how often each letter is in it. */
  embeds: ({ asked, response }) => {
    const input = String(at(JSON.parse(asked.body.toString('utf8')), 'input')).toLowerCase()
    const letters = 'abcdefghijklmnopqrstuvwxyz'.split('')
    const embedding = letters.map((letter) => input.split(letter).length - 1)
    const embeddingUsage = { prompt_tokens: 5, total_tokens: 5 }
    sendJson(response, JSON.stringify({ data: [{ index: 0, embedding }], usage: embeddingUsage }))
  },
}

/** The content that a stream's frames carry. */
export function streamedText(text: string): string {
  return text
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => at(asRecord(JSON.parse(event.slice(6))), 'choices.0.delta.content'))
    .map((content) => (typeof content === 'string' ? content : ''))
    .join('')
}
