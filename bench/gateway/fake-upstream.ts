// A fake model provider on the OpenAI chat completions wire. It answers the same text to everything;
// its path says how: `/delay-50/v1/…` waits 50 ms first, `/gap-1/v1/…` waits 1 ms between frames.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMain, listen } from './listen.ts'

export type FakeUpstream = {
  readonly url: string
  /** Completions asked for so far, answered or not. */
  arrivals(): number
  close(): Promise<void>
} & AsyncDisposable

const bodyBytesMax = 1024 * 1024
const jsonBytes = 1200
const streamBytes = 4096
const contentFrames = 20
const lastEvent = 'data: [DONE]\n\n'

export const fakeUsage = { prompt_tokens: 180, completion_tokens: 60, total_tokens: 240 }

const head = { id: 'chatcmpl-fake', created: 1_790_000_000, model: 'fake-model' }
export const fakeJson = jsonReply()
export const fakeFrames = streamFrames()

export async function startFakeUpstream(port = 0): Promise<FakeUpstream> {
  let arrived = 0
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.end(JSON.stringify({ arrivals: arrived }))
      return
    }
    arrived += 1
    answer(request, response).catch((thrown: unknown) => response.destroy(asError(thrown)))
  })
  server.keepAliveTimeout = 120_000
  const url = await listen(server, port)
  const close = async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { url, arrivals: () => arrived, close, [Symbol.asyncDispose]: close }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request)
  const delayMs = behaviour(request.url, 'delay')
  if (delayMs > 0) await sleep(delayMs)
  if (!body.includes('"stream":true')) {
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': fakeJson.byteLength,
    })
    response.end(fakeJson)
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  const gapMs = behaviour(request.url, 'gap')
  for (const text of fakeFrames) {
    response.write(text)
    if (gapMs > 0) await sleep(gapMs)
  }
  response.end()
}

function behaviour(path: string | undefined, name: 'delay' | 'gap'): number {
  const digits = new RegExp(`/${name}-(\\d{1,5})/`).exec(path ?? '')?.[1]
  return digits === undefined ? 0 : Number(digits)
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength
    if (bytes > bodyBytesMax) reject(new RangeError('the body is too large for the fake'))
    else chunks.push(chunk)
  })
  request.once('end', () => {
    resolve(Buffer.concat(chunks))
  })
  request.once('error', reject)
  return promise
}

function jsonReply(): Buffer {
  const empty = Buffer.byteLength(completion(''))
  return Buffer.from(completion(filler(jsonBytes - empty)))
}

function completion(content: string): string {
  const message = { role: 'assistant', content, refusal: null }
  return JSON.stringify({
    ...head,
    object: 'chat.completion',
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage: fakeUsage,
  })
}

function streamFrames(): readonly string[] {
  const first = frame(choice({ role: 'assistant', content: '' }, null))
  const last = [frame(choice({}, 'stop')), frame({ choices: [], usage: fakeUsage }), lastEvent]
  const empty = frame(choice({ content: '' }, null))
  const fixed = [first, ...last].join('').length + contentFrames * empty.length
  const content = filler(Math.floor((streamBytes - fixed) / contentFrames))
  const middle = Array.from({ length: contentFrames }, () => frame(choice({ content }, null)))
  return [first, ...middle, ...last]
}

function choice(delta: object, finishReason: string | null): object {
  return { choices: [{ index: 0, delta, finish_reason: finishReason }] }
}

function frame(fields: object): string {
  return `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', ...fields })}\n\n`
}

function filler(length: number): string {
  return 'the order is on its way and '.repeat(Math.ceil(length / 28)).slice(0, length)
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

if (isMain(import.meta)) {
  const upstream = await startFakeUpstream()
  process.stdout.write(`${JSON.stringify({ listening: upstream.url, pid: process.pid })}\n`)
}
