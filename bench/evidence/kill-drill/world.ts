// What the gateways call in the drill: a model provider and a tool server, in this process, with
// their own books of when each call arrived.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { startFakeTools, toolText } from '../../../e2e/harness/fake-tools.ts'

const chunkEveryMs = 100
const streamMsMax = 120_000
const replyAfterMs = 150
const toolAfterMs = 150

export type World = {
  readonly modelUrl: string
  readonly toolsUrl: string
  /** When calls arrived, in ms since the Unix epoch, oldest first. */
  readonly arrivals: readonly number[]
  /** Streams that are being written. */
  readonly openStreams: () => number
} & AsyncDisposable

const usage = { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 }

function chunk(delta: object): string {
  const body = { id: 'c', object: 'chat.completion.chunk', created: 0, model: 'fake' }
  const choices = [{ index: 0, delta, finish_reason: null }]
  return `data: ${JSON.stringify({ ...body, choices })}\n\n`
}

export async function startWorld(): Promise<World> {
  await using starting = new AsyncDisposableStack()
  const arrivals: number[] = []
  let open = 0
  const server = createServer((request, response) => {
    arrivals.push(Date.now())
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
  starting.defer(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const tools = starting.use(await startFakeTools())
  tools.directAll('write_order', async () => {
    arrivals.push(Date.now())
    await sleep(toolAfterMs)
    return toolText({ done: true })
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  const standing = starting.move()
  return {
    modelUrl: `http://127.0.0.1:${port}/v1`,
    toolsUrl: tools.url,
    arrivals,
    openStreams: () => open,
    [Symbol.asyncDispose]: () => standing.disposeAsync(),
  }
}
