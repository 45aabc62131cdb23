// A model provider that says what it is told: the last message of the request is its reply, and its
// `seed` how sure it is of each token, in per cent. On the OpenAI wire, whole or as a stream.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { asRecord, at, type Json } from './json.ts'

export type SayingModel = { readonly baseUrl: string } & AsyncDisposable

const usage = { prompt_tokens: 60, completion_tokens: 20, total_tokens: 80 }

export async function startSayingModel(): Promise<SayingModel> {
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The body of a call to it. */
export function saying(text: string, more: Json = {}): Json {
  return { model: 'fake', messages: [{ role: 'user', content: text }], max_tokens: 50, ...more }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  const asked = asRecord(JSON.parse(Buffer.concat(chunks).toString('utf8')))
  const messages = asked['messages']
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined
  const content = String(at(last, 'content'))
  const sure = Number(asked['seed'] ?? 100) / 100
  const tokens = content.split(' ').map((token) => ({ token, logprob: Math.log(sure) }))
  const logprobs = asked['logprobs'] === true ? { content: tokens } : null
  const head = { id: 'said', created: 1, model: asked['model'] }
  if (asked['stream'] !== true) {
    const message = { role: 'assistant', content }
    const choice = { index: 0, message, logprobs, finish_reason: 'stop' }
    const told = asked['user'] === 'nobody counts' ? {} : { usage }
    const body = { ...head, object: 'chat.completion', choices: [choice], ...told }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    return
  }
  const object = 'chat.completion.chunk'
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const send = (data: Json): void => {
    response.write(`data: ${JSON.stringify({ ...head, object, ...data })}\n\n`)
  }
  const middle = Math.ceil(content.length / 2)
  send({
    choices: [
      { index: 0, delta: { role: 'assistant', content: content.slice(0, middle) }, logprobs },
    ],
  })
  // Its end never comes to a client that must not wait for it.
  if (asked['user'] === 'slow') return
  send({ choices: [{ index: 0, delta: { content: content.slice(middle) }, logprobs: null }] })
  send({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
  send({ choices: [], usage })
  response.end('data: [DONE]\n\n')
}
