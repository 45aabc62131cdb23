// The scripted model: an HTTP upstream on the OpenAI wire, plain and streamed, that plays the script
// of `support-script.ts`. It stands in where no provider is given, and never passes for a real model.
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { z } from 'zod'
import { messageSchema, playScript } from './support-script.ts'
import type { ScriptReply } from './support-script.ts'

const HOST = '127.0.0.1'
const BODY_BYTES_MAX = 8 * 1024 * 1024
const CHARS_A_TOKEN = 4
const PIECE_CHARS = 16

export type ScriptedModel = AsyncDisposable & {
  readonly port: number
  readonly baseUrl: string
  /** How long the model itself took for the completion of this id, first byte in to last byte out. */
  readonly servedMs: (completionId: string) => number | undefined
}

const requestSchema = z.looseObject({
  model: z.string(),
  messages: z.array(messageSchema).min(1),
  tools: z.array(z.unknown()).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
})

type ChatRequest = z.infer<typeof requestSchema>

/** Listens on loopback: on `port` if it is free, else on any. */
export async function startScriptedModel(options: { port?: number } = {}): Promise<ScriptedModel> {
  const served = new Map<string, number>()
  let completions = 0
  const server = createServer((request, response) => {
    completions += 1
    answer({ request, response, served, number: completions }).catch(() => response.destroy())
  })
  const port = await listen(server, options.port ?? 0).catch(() => listen(server, 0))
  return {
    port,
    baseUrl: `http://${HOST}:${port}/v1`,
    servedMs: (completionId) => served.get(completionId),
    [Symbol.asyncDispose]: () => close(server),
  }
}

async function answer(exchange: {
  request: IncomingMessage
  response: ServerResponse
  served: Map<string, number>
  number: number
}): Promise<void> {
  const { request, response, served, number } = exchange
  const startedMs = performance.now()
  if (request.method !== 'POST' || request.url !== '/v1/chat/completions') {
    return refuse(response, 404, 'only POST /v1/chat/completions is here')
  }
  const parsed = requestSchema.safeParse(await readBody(request))
  if (!parsed.success) return refuse(response, 400, z.prettifyError(parsed.error))
  const completion = complete(parsed.data, number)
  response.once('finish', () => served.set(completion.id, performance.now() - startedMs))
  if (parsed.data.stream === true) {
    const withUsage = parsed.data.stream_options?.include_usage === true
    return sendStream(response, chunksOf(completion, withUsage))
  }
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(wholeReply(completion)))
}

type Completion = {
  readonly id: string
  readonly model: string
  readonly createdAtSeconds: number
  readonly reply: ScriptReply
  readonly usage: object
}

function complete(request: ChatRequest, number: number): Completion {
  const reply = playScript(request.messages)
  const asked = JSON.stringify([request.messages, request.tools ?? []])
  const said = reply.kind === 'say' ? reply.text : reply.name + JSON.stringify(reply.arguments)
  return {
    id: `chatcmpl-scripted-${number}`,
    model: request.model,
    createdAtSeconds: Math.floor(Date.now() / 1000),
    reply,
    usage: estimateUsage(asked, said),
  }
}

/** A script counts no tokens. Four characters a token is a rule of thumb, and marked as such. */
function estimateUsage(asked: string, said: string): object {
  const promptTokens = Math.ceil(asked.length / CHARS_A_TOKEN)
  const completionTokens = Math.ceil(said.length / CHARS_A_TOKEN)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    is_estimate: true,
  }
}

function toolCallOf({ id, reply }: Completion) {
  if (reply.kind === 'say') return undefined
  const args = JSON.stringify(reply.arguments)
  const callId = id.replace('chatcmpl-', 'call-')
  return { id: callId, type: 'function', function: { name: reply.name, arguments: args } }
}

function wholeReply(completion: Completion): object {
  const { reply, usage } = completion
  const toolCall = toolCallOf(completion)
  const message = {
    role: 'assistant',
    content: reply.kind === 'say' ? reply.text : null,
    refusal: null,
    ...(toolCall === undefined ? {} : { tool_calls: [toolCall] }),
  }
  const finishReason = toolCall === undefined ? 'stop' : 'tool_calls'
  const choices = [{ index: 0, message, logprobs: null, finish_reason: finishReason }]
  return { ...envelopeOf(completion), object: 'chat.completion', choices, usage }
}

function* chunksOf(completion: Completion, withUsage: boolean): Iterable<object> {
  const { reply, usage } = completion
  const head = {
    ...envelopeOf(completion),
    object: 'chat.completion.chunk',
    // With usage asked for, every chunk but the last carries a null.
    ...(withUsage ? { usage: null } : {}),
  }
  const chunk = (delta: object, finishReason: string | null = null) => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
  })
  yield chunk({ role: 'assistant', content: reply.kind === 'say' ? '' : null })
  if (reply.kind === 'say') for (const content of piecesOf(reply.text)) yield chunk({ content })
  const toolCall = toolCallOf(completion)
  if (toolCall !== undefined) {
    const { arguments: args } = toolCall.function
    const opened = { ...toolCall, function: { ...toolCall.function, arguments: '' } }
    yield chunk({ tool_calls: [{ index: 0, ...opened }] })
    for (const piece of piecesOf(args))
      yield chunk({ tool_calls: [{ index: 0, function: { arguments: piece } }] })
  }
  yield chunk({}, toolCall === undefined ? 'stop' : 'tool_calls')
  if (withUsage) yield { ...head, choices: [], usage }
}

function envelopeOf({ id, model, createdAtSeconds }: Completion): object {
  return { id, created: createdAtSeconds, model, system_fingerprint: 'scripted' }
}

// By code point: a surrogate pair cut in two would not survive the wire.
function* piecesOf(text: string): Iterable<string> {
  const points = Array.from(text)
  for (let start = 0; start < points.length; start += PIECE_CHARS)
    yield points.slice(start, start + PIECE_CHARS).join('')
}

async function sendStream(response: ServerResponse, chunks: Iterable<object>): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  for (const chunk of chunks) {
    if (response.write(`data: ${JSON.stringify(chunk)}\n\n`)) continue
    await new Promise<void>((resolve) => {
      response.once('drain', resolve)
      response.once('close', resolve)
    })
  }
  response.end('data: [DONE]\n\n')
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) throw new TypeError('a body is read as bytes')
    bytes += part.length
    if (bytes > BODY_BYTES_MAX) throw new RangeError('the body is too large')
    parts.push(part)
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'))
    return body
  } catch {
    return undefined
  }
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-should-retry': 'false' })
  response.end(JSON.stringify({ error: { message, type: 'scripted_model_error', code: null } }))
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, () => {
      server.off('error', reject)
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error('there is no port'))
      else resolve(address.port)
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
