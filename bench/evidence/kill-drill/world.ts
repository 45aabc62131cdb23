// What the gateways call in the drill: a model provider and a tool server, with their own books of
// when each call arrived. They run in a thread of their own, because a book that is kept late tells
// nothing: of each call it says since when it may have been there, which is never too late.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { startFakeTools, toolText } from '../../../e2e/harness/fake-tools.ts'

const chunkEveryMs = 100
const streamMsMax = 120_000
const replyAfterMs = 150
const toolAfterMs = 150

/** The thread looks at its sockets at least this often, while it is not busy. */
const tickMs = 2
/**
 * What arrives was sent after the thread last looked and saw nothing. A new connection is accepted
 * in one turn, read in the next, and its body in another.
 */
const turnsBack = 5

export type World = {
  readonly modelUrl: string
  readonly toolsUrl: string
  /** Streams that are being written. */
  readonly openStreams: () => Promise<number>
  /** How many calls were sent after this time, in ms since the Unix epoch, for certain. */
  readonly sentAfter: (epochMs: number) => Promise<number>
} & AsyncDisposable

type Question = { readonly id: number; readonly ask: 'streams' | 'sentAfter'; readonly ms: number }

type Answer = { readonly kind: 'answer'; readonly id: number; readonly value: number }
type Urls = { readonly kind: 'urls'; readonly modelUrl: string; readonly toolsUrl: string }

/** Starts the thread. */
export async function startWorld(): Promise<World> {
  const worker = new Worker(new URL(import.meta.url))
  const waiting = new Map<number, (value: number) => void>()
  const urls = Promise.withResolvers<Urls>()
  worker.once('error', urls.reject)
  worker.on('message', (message: Answer | Urls) => {
    if (message.kind === 'urls') urls.resolve(message)
    else waiting.get(message.id)?.(message.value)
  })
  let last = 0
  const ask = (question: Omit<Question, 'id'>): Promise<number> => {
    last += 1
    const { promise, resolve } = Promise.withResolvers<number>()
    waiting.set(last, resolve)
    worker.postMessage({ ...question, id: last })
    return promise
  }
  const { modelUrl, toolsUrl } = await urls.promise
  return {
    modelUrl,
    toolsUrl,
    openStreams: () => ask({ ask: 'streams', ms: 0 }),
    sentAfter: (ms) => ask({ ask: 'sentAfter', ms }),
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  }
}

const usage = { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 }

function chunk(delta: object): string {
  const body = { id: 'c', object: 'chat.completion.chunk', created: 0, model: 'fake' }
  const choices = [{ index: 0, delta, finish_reason: null }]
  return `data: ${JSON.stringify({ ...body, choices })}\n\n`
}

async function serveWorld(): Promise<void> {
  const ticks: number[] = Array.from({ length: turnsBack }, () => Date.now())
  setInterval(() => {
    ticks.shift()
    ticks.push(Date.now())
  }, tickMs)
  /** Since when each call may have been there. */
  const arrivals: number[] = []
  const arrived = (): void => void arrivals.push(ticks[0] ?? 0)
  let open = 0
  const server = createServer((request, response) => {
    arrived()
    response.on('error', () => undefined)
    let text = ''
    request.on('data', (part: Buffer) => (text += part.toString()))
    request.on('end', () => {
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const tools = await startFakeTools()
  tools.directAll('write_order', async () => {
    arrived()
    await sleep(toolAfterMs)
    return toolText({ done: true })
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  parentPort?.on('message', ({ id, ask, ms }: Question) => {
    const value = ask === 'streams' ? open : arrivals.filter((at) => at > ms).length
    parentPort?.postMessage({ kind: 'answer', id, value } satisfies Answer)
  })
  const modelUrl = `http://127.0.0.1:${port}/v1`
  const urls = { kind: 'urls', modelUrl, toolsUrl: tools.url } satisfies Urls
  parentPort?.postMessage(urls)
}

if (!isMainThread) await serveWorld()
