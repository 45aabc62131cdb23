// A model provider that a test switches from well to broken and back, and that notes with which
// keys it was asked.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { completion } from './upstream-behaviours.ts'

export type Mode =
  | { readonly kind: 'well' }
  /** The connection is reset before anything is answered. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }

export type SwitchedUpstream = {
  readonly baseUrl: string
  /** How it answers who asks with this `authorization`; others as `mode` says. */
  readonly modes: Map<string, Mode>
  mode: Mode
  readonly asked: { readonly authorization: string; readonly atMs: number }[]
} & AsyncDisposable

export async function startSwitchedUpstream(): Promise<SwitchedUpstream> {
  const server = createServer((request, response) => {
    const authorization = request.headers.authorization ?? ''
    upstream.asked.push({ authorization, atMs: performance.now() })
    const mode = upstream.modes.get(authorization) ?? upstream.mode
    if (mode.kind === 'reset') {
      request.socket.resetAndDestroy()
      return
    }
    request.resume()
    if (mode.kind === 'well') {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(completion('Hello'))
      return
    }
    const { status, retryAfter } = mode
    const wait = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
    response.writeHead(status, { 'content-type': 'application/json', ...wait })
    response.end(JSON.stringify({ error: { message: `a fake ${status}`, type: 'fake' } }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  const upstream: SwitchedUpstream = {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    modes: new Map(),
    mode: { kind: 'well' },
    asked: [],
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return upstream
}
