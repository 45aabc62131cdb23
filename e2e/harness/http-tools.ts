// The official tools over Streamable HTTP, in the process of the test.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createMcpHandler, type McpHttpHandler, type Server } from '@modelcontextprotocol/server'
import { createOfficialServer, newState, type OfficialState } from './official-tools.ts'

export type HttpTools = {
  readonly url: string
  readonly state: OfficialState
  readonly notify: McpHttpHandler['notify']
} & AsyncDisposable

/** `legacy`: whether it answers clients of revision 2025-11-25 as well; `create`: other tools. */
export async function startHttpTools(options: {
  legacy: boolean
  create?: () => Server
}): Promise<HttpTools> {
  const state = newState()
  const handler = createMcpHandler(options.create ?? (() => createOfficialServer(state)), {
    legacy: options.legacy ? 'stateless' : 'reject',
  })
  const server = createServer((incoming, outgoing) => {
    answerWeb(incoming, outgoing, (request) => handler.fetch(request))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    state,
    notify: handler.notify,
    [Symbol.asyncDispose]: async () => {
      await handler.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Answers a request of Node's server with what speaks the web's objects. */
export function answerWeb(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answer: (request: Request) => Promise<Response>,
): void {
  const gone = new AbortController()
  outgoing.once('close', () => gone.abort())
  const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [
    name,
    String(value),
  ])
  const isPost = incoming.method === 'POST'
  const request = new Request(`http://tools.invalid${incoming.url ?? '/'}`, {
    method: incoming.method ?? 'GET',
    headers,
    signal: gone.signal,
    ...(isPost ? { body: Readable.toWeb(incoming), duplex: 'half' } : {}),
  })
  send(answer(request), outgoing).catch(() => outgoing.destroy())
}

async function send(answered: Promise<Response>, outgoing: ServerResponse): Promise<void> {
  const reply = await answered
  outgoing.writeHead(reply.status, Object.fromEntries(reply.headers))
  outgoing.flushHeaders()
  if (reply.body === null) outgoing.end()
  else await pipeline(Readable.fromWeb(reply.body), outgoing)
}
