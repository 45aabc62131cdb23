// A door in front of the gateway for clients that cannot be told to send an API key: passes each
// request on, byte for byte, with one more header. Only for measuring and testing.
import { createServer, request as ask } from 'node:http'
import type { AddressInfo } from 'node:net'

export type HeaderProxy = { readonly url: string } & AsyncDisposable

export async function startHeaderProxy(options: {
  /** Where all requests go. */
  target: string
  headers: Readonly<Record<string, string>>
}): Promise<HeaderProxy> {
  const target = new URL(options.target)
  const server = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, ...options.headers }
    const { method } = incoming
    const passed = ask(target, { method, headers, setHost: false }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers)
      outgoing.flushHeaders()
      reply.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    outgoing.on('close', () => passed.destroy())
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
