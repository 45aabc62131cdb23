// The recorded upstream: an HTTP server on the OpenAI wire that says again what a model once said.
// It answers a request only where the recording has an answer to it, and never makes anything up.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { z } from 'zod'
import { canonicalJson } from '../retail/shop/canonical.ts'
import { recordedChunks, recordedCompletion } from './recorded-reply.ts'
import type { Message, Run, Turn } from './recording.ts'

const BODY_BYTES_MAX = 16 * 1024 * 1024
const RUN_PATH = /^\/runs\/(\d{1,9})\/v1\/chat\/completions$/

export type RecordedUpstream = AsyncDisposable & {
  /** The base URL of one run: equal prefixes of two runs may have different answers. */
  baseUrl(runIndex: number): string
  /** How long the last answer to this turn took from the request's first byte to its last. */
  servedMs(turn: { run: number; index: number }): number | undefined
  readonly counts: Readonly<UpstreamCounts>
}

export type UpstreamCounts = { served: number; streamed: number; offRecording: number }

const requestSchema = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string() })).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
})

type Played = {
  readonly run: Run
  readonly turns: ReadonlyMap<string, Turn>
  readonly servedMs: Map<number, number>
}

/** Listens on a free port of 127.0.0.1. `delayMs` is how long the model thinks, for drills. */
export async function startRecordedUpstream(
  runs: readonly Run[],
  options: { delayMs?: number } = {},
): Promise<RecordedUpstream> {
  const played = new Map(runs.map((run) => [run.index, playedRun(run)]))
  const counts: UpstreamCounts = { served: 0, streamed: 0, offRecording: 0 }
  const server = createServer((request, response) => {
    answer({ request, response, played, counts, delayMs: options.delayMs ?? 0 }).catch(
      (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
    )
  })
  const port = await listen(server)
  return {
    baseUrl: (runIndex) => `http://127.0.0.1:${port}/runs/${runIndex}/v1`,
    servedMs: (turn) => played.get(turn.run)?.servedMs.get(turn.index),
    counts,
    [Symbol.asyncDispose]: () => close(server),
  }
}

function playedRun(run: Run): Played {
  // The prefixes of one run grow with every turn, so no two are equal.
  const turns = new Map(run.turns.map((turn) => [hashMessages(turn.prefix), turn]))
  return { run, turns, servedMs: new Map() }
}

function hashMessages(messages: readonly Message[] | readonly unknown[]): string {
  return createHash('sha256').update(canonicalJson(messages)).digest('base64')
}

async function answer(input: {
  request: IncomingMessage
  response: ServerResponse
  played: ReadonlyMap<number, Played>
  counts: UpstreamCounts
  delayMs: number
}): Promise<void> {
  const { request, response, played, counts, delayMs } = input
  const startedMs = performance.now()
  const match = RUN_PATH.exec(request.url ?? '')
  const run = played.get(Number(match?.[1] ?? -1))
  if (request.method !== 'POST' || run === undefined)
    return refuse(response, 404, { code: 'not_found', message: 'there is no such recorded run' })
  const body = await readBody(request)
  const parsed = requestSchema.safeParse(body)
  if (!parsed.success)
    return refuse(response, 400, { code: 'invalid', message: z.prettifyError(parsed.error) })
  const turn = run.turns.get(hashMessages(withoutSystem(parsed.data.messages)))
  if (turn === undefined) {
    counts.offRecording += 1
    const message = `run ${run.run.index} has no recorded answer to these messages`
    return refuse(response, 422, { code: 'off_recording', message })
  }
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
  const { model, stream, stream_options: streamOptions } = parsed.data
  response.once('finish', () => run.servedMs.set(turn.index, performance.now() - startedMs))
  counts.served += 1
  if (stream === true) {
    counts.streamed += 1
    const withUsage = streamOptions?.include_usage === true
    return sendStream(response, recordedChunks({ run: run.run, turn, model, withUsage }))
  }
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(recordedCompletion({ run: run.run, turn, model })))
}

// The recordings lack the system prompt, so whatever was sent as one cannot be compared.
function withoutSystem(messages: readonly { role: string }[]): readonly unknown[] {
  const first = messages[0]?.role
  return first === 'system' || first === 'developer' ? messages.slice(1) : messages
}

// Frames go out one by one, as a provider sends them, and wait for a slow reader.
async function sendStream(response: ServerResponse, chunks: Iterable<object>): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  for (const chunk of chunks) {
    if (!response.write(`data: ${JSON.stringify(chunk)}\n\n`)) await drained(response)
  }
  response.end('data: [DONE]\n\n')
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error('the reader of the stream is gone'))
    response.once('close', gone)
    response.once('drain', () => {
      response.off('close', gone)
      resolve()
    })
  })
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) throw new TypeError('a body is read as bytes')
    bytes += part.length
    if (bytes > BODY_BYTES_MAX) throw new Error('the body is too large')
    parts.push(part)
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'))
    return body
  } catch {
    return undefined
  }
}

function refuse(
  response: ServerResponse,
  status: number,
  error: { code: string; message: string },
): void {
  // The official client would retry some of these; a recording has nothing else to say.
  response.writeHead(status, {
    'content-type': 'application/json',
    'x-should-retry': 'false',
  })
  response.end(JSON.stringify({ error: { ...error, type: 'recorded_upstream_error' } }))
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (address === null || typeof address === 'string')
        reject(new Error('the recorded upstream has no port'))
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
