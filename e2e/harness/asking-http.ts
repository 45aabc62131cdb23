// Tools that ask the client, over Streamable HTTP with sessions as revision 2025-11-25 has them.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { createAskingServer } from './asking-tools.ts'
import { answerWeb } from './http-tools.ts'

export type AskingTools = { readonly url: string } & AsyncDisposable

export async function startAskingTools(): Promise<AskingTools> {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  const open = async () => {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => void sessions.set(id, transport),
    })
    await createAskingServer().connect(transport)
    return transport
  }
  const server = createServer((incoming, outgoing) => {
    answerWeb(incoming, outgoing, async (request) => {
      const id = request.headers.get('mcp-session-id')
      if (id !== null && !sessions.has(id)) return new Response(null, { status: 404 })
      return (sessions.get(id ?? '') ?? (await open())).handleRequest(request)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...sessions.values()].map((transport) => transport.close()))
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
