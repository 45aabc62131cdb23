// One HTTP exchange of an agent with `/mcp/<server>`, between Node's objects and the web's, which
// the official server speaks.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Principal } from '../../../store/recorder/types.ts'
import type { LoadedPact } from '../../pacts.ts'
import { type CallMark, markHeaders } from '../../http/replies.ts'

export type McpExchange = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly sessionKey: string | undefined
  /** The name of the server in the manifest. */
  readonly server: string
  readonly principal: Principal
  readonly loaded: LoadedPact
  /** Whom cancellations, log levels and subscriptions belong to: one client of one session. */
  readonly clientKey: string
  /** Aborts when the client cancels the request or goes away. */
  readonly abort: AbortController
  /** Of the call that was made; its headers go out with the reply, if nothing went before. */
  mark: CallMark | undefined
}

export const sessionHeader = 'mcp-session-id'

export function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** Without its body, which was read and parsed before. */
export function webRequestOf(exchange: McpExchange): Request {
  const { request } = exchange
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === 'string' && !name.startsWith(':')) headers.set(name, value)
  }
  // Credentials and lengths are none of the MCP server's business.
  for (const name of ['authorization', 'x-api-key', 'content-length']) headers.delete(name)
  return new Request(`http://gateway.invalid/mcp/${exchange.server}`, {
    method: request.method ?? 'POST',
    headers,
    signal: exchange.abort.signal,
  })
}

/** Writes a reply of the official server to the client. A client that goes away is no error. */
export async function writeReply(
  exchange: McpExchange,
  reply: Response,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { response, mark } = exchange
  if (response.destroyed) {
    await reply.body?.cancel()
    return
  }
  const headers = { ...Object.fromEntries(reply.headers), ...more }
  response.writeHead(reply.status, {
    ...headers,
    ...(mark === undefined ? {} : markHeaders(mark)),
  })
  if (reply.body === null) {
    response.end()
    return
  }
  if (headers['content-type']?.includes('text/event-stream') === true) response.flushHeaders()
  try {
    await pipeline(Readable.fromWeb(reply.body), response)
  } catch (thrown) {
    if (!response.destroyed) throw thrown
  }
}
