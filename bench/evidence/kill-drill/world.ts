// What the gateways call in the drill: a model provider and a tool server, with their own books of
// when each call arrived. They run in a thread of their own, because a book that is kept late tells
// nothing: of each call it says since when it may have been there, which is never too late.
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { startFakeTools, toolText } from '../../../e2e/harness/fake-tools.ts'

const chunkEveryMs = 100
const streamMsMax = 120_000
const replyAfterMs = 150
const toolAfterMs = 150

/** The thread looks at its sockets at least this often, while it is not busy. */
const tickMs = 2
/** What arrives on an open connection was sent after the thread last looked: a request takes turns. */
const turnsBack = 5

/** A call: `sinceMs` is the latest time at which it was not there, `atMs` when it was seen. */
export type Arrival = {
  readonly kind: 'model' | 'tool'
  readonly sinceMs: number
  readonly atMs: number
}

export type World = {
  readonly modelUrl: string
  readonly toolsUrl: string
  /** Streams that are being written. */
  readonly openStreams: () => Promise<number>
  /** The calls that were sent after this time, in ms since the Unix epoch, for certain. */
  readonly sentAfter: (epochMs: number) => Promise<readonly Arrival[]>
} & AsyncDisposable

type Question = { readonly id: number; readonly afterMs: number }
type Answer = {
  readonly kind: 'answer'
  readonly id: number
  readonly streams: number
  readonly sent: readonly Arrival[]
}
type Urls = { readonly kind: 'urls'; readonly modelUrl: string; readonly toolsUrl: string }

/** Starts the thread. */
export async function startWorld(): Promise<World> {
  const worker = new Worker(new URL(import.meta.url))
  const waiting = new Map<number, (answer: Answer) => void>()
  const urls = Promise.withResolvers<Urls>()
  worker.once('error', urls.reject)
  worker.on('message', (message: Answer | Urls) => {
    if (message.kind === 'urls') urls.resolve(message)
    else waiting.get(message.id)?.(message)
  })
  let last = 0
  const ask = (afterMs: number): Promise<Answer> => {
    last += 1
    const { promise, resolve } = Promise.withResolvers<Answer>()
    waiting.set(last, resolve)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
    worker.postMessage({ id: last, afterMs } satisfies Question)
    return promise
  }
  const { modelUrl, toolsUrl } = await urls.promise
  return {
    modelUrl,
    toolsUrl,
    openStreams: async () => (await ask(Infinity)).streams,
    sentAfter: async (afterMs) => (await ask(afterMs)).sent,
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  }
}

const usage = { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 }

function chunk(delta: object): string {
  const body = { id: 'c', object: 'chat.completion.chunk', created: 0, model: 'fake' }
  const choices = [{ index: 0, delta, finish_reason: null }]
  return `data: ${JSON.stringify({ ...body, choices })}\n\n`
}

/**
 * Since when a request may have been there. One connection is accepted a turn: of those that come at
 * once the last may have waited, with its request, since the last turn in which none was accepted.
 */
class Watch {
  readonly #ticks: number[] = Array.from({ length: turnsBack }, () => Date.now())
  readonly #unread = new WeakMap<Socket, number>()
  #noneWaitedMs = Date.now()
  #hasAccepted = false

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#hasAccepted = true
      this.#unread.set(socket, this.#noneWaitedMs)
    })
    setInterval(() => {
      if (!this.#hasAccepted) this.#noneWaitedMs = this.#ticks.at(-1) ?? 0
      this.#hasAccepted = false
      this.#ticks.shift()
      this.#ticks.push(Date.now())
    }, tickMs)
  }

  /** The latest time at which the request was not there. */
  sinceMs(socket: Socket): number {
    const accepted = this.#unread.get(socket) ?? Infinity
    this.#unread.delete(socket)
    return Math.min(accepted, this.#ticks[0] ?? 0)
  }
}

async function serveWorld(): Promise<void> {
  const arrivals: Arrival[] = []
  const arrived = (kind: Arrival['kind'], sinceMs: number): void => {
    arrivals.push({ kind, sinceMs, atMs: Date.now() })
  }
  let open = 0
  const server = createServer((asked, response) => {
    arrived('model', watch.sinceMs(asked.socket))
    response.on('error', () => undefined)
    let text = ''
    asked.on('data', (part: Buffer) => (text += part.toString()))
    asked.on('end', () => {
      if (text.includes('"stream":true')) {
        open += 1
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(chunk({ role: 'assistant', content: '' }))
        const timer = setInterval(() => response.write(chunk({ content: 'on ' })), chunkEveryMs)
        const end = setTimeout(() => response.destroy(), streamMsMax)
        response.once('close', () => {
          open -= 1
          clearInterval(timer)
          clearTimeout(end)
        })
        return
      }
      const message = { role: 'assistant', content: 'Hello' }
      const choices = [{ index: 0, message, finish_reason: 'stop' }]
      const reply = { id: 'c', object: 'chat.completion', created: 0, model: 'fake' }
      const body = JSON.stringify({ ...reply, choices, usage })
      setTimeout(() => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(body)
      }, replyAfterMs)
    })
  })
  const watch = new Watch(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const tools = await startFakeTools()
  const toolsUrl = await keepToolBook(tools.url, (sinceMs) => arrived('tool', sinceMs))
  tools.directAll('write_order', async () => {
    await sleep(toolAfterMs)
    return toolText({ done: true })
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  parentPort?.on('message', ({ id, afterMs }: Question) => {
    const sent = arrivals.filter(({ sinceMs }) => sinceMs > afterMs)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
    parentPort?.postMessage({ kind: 'answer', id, streams: open, sent } satisfies Answer)
  })
  const modelUrl = `http://127.0.0.1:${port}/v1`
  const urls = { kind: 'urls', modelUrl, toolsUrl } satisfies Urls
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
  parentPort?.postMessage(urls)
}

/**
 * A door in front of the tool server that writes down calls as their last byte is read: what the
 * official server does with a request takes turns of its own. Gives its address.
 */
async function keepToolBook(url: string, arrived: (sinceMs: number) => void): Promise<string> {
  const door = createServer((asked, answered) => {
    answered.on('error', () => undefined)
    const parts: Buffer[] = []
    // What is read later of it came no earlier.
    const sinceMs = watch.sinceMs(asked.socket)
    asked.on('data', (part: Buffer) => parts.push(part))
    asked.on('end', () => {
      const body = Buffer.concat(parts)
      if (body.includes('"tools/call"')) arrived(sinceMs)
      const { method = 'POST', headers } = asked
      const passed = request(url, { method, headers }, (reply) => {
        answered.writeHead(reply.statusCode ?? 502, reply.headers)
        reply.pipe(answered)
      })
      passed.on('error', () => answered.destroy())
      answered.once('close', () => passed.destroy())
      passed.end(body)
    })
  })
  const watch = new Watch(door)
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = door.address() as AddressInfo
  return `http://127.0.0.1:${port}/mcp`
}

if (!isMainThread) await serveWorld()
