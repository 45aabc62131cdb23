// The bare proxy: node:http in front of an undici Pool, bytes passed through with back-pressure.
// Both yardsticks are built on it: `dispatch` as it is, `floor` with a relay that waits for rows.

import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { ServerResponse } from 'node:http'
import { Pool, type Dispatcher } from 'undici'
import { isMain, listen } from './listen.ts'

export type Relay = (response: ServerResponse) => Dispatcher.DispatchHandler

const bodyBytesMax = 1024 * 1024
const hopHeaders = new Set(['host', 'connection', 'keep-alive', 'content-length', 'expect'])

/** Starts a proxy in front of `upstream` (an origin). */
export async function startProxy(upstream: string, relay: Relay): Promise<string> {
  const pool = new Pool(upstream, { connections: 256, pipelining: 1 })
  const server = createServer((request, response) => {
    readBody(request, (body) => {
      pool.dispatch(
        {
          path: request.url ?? '/',
          method: 'POST',
          headers: requestHeaders(request.rawHeaders),
          body,
        },
        relay(response),
      )
    })
  })
  server.keepAliveTimeout = 120_000
  return listen(server)
}

/** A body of one chunk, the usual case, is not copied. */
function readBody(request: IncomingMessage, onBody: (body: Buffer) => void): void {
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength
    if (bytes > bodyBytesMax) request.destroy()
    chunks.push(chunk)
  })
  request.once('end', () => {
    const [only] = chunks
    onBody(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks))
  })
}

function requestHeaders(raw: readonly string[]): string[] {
  const kept: string[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? ''
    if (!hopHeaders.has(name.toLowerCase())) kept.push(name, raw[index + 1] ?? '')
  }
  return kept
}

export function replyHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept = { ...headers }
  delete kept.connection
  delete kept['keep-alive']
  delete kept['transfer-encoding']
  return kept
}

/** Stops reading from the upstream while the client does not read, and lets go when it is gone. */
export function bindClient(
  response: ServerResponse,
  controller: Dispatcher.DispatchController,
): void {
  response.on('drain', () => {
    controller.resume()
  })
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new Error('the client is gone'))
  })
}

export function failReply(response: ServerResponse): void {
  if (response.destroyed) return
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(502)
  response.end()
}

function passThrough(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller) {
      bindClient(response, controller)
    },
    onResponseStart(_controller, statusCode, headers) {
      response.writeHead(statusCode, replyHeaders(headers))
    },
    onResponseData(controller, chunk) {
      if (!response.write(chunk)) controller.pause()
    },
    onResponseEnd() {
      response.end()
    },
    onResponseError() {
      failReply(response)
    },
  }
}

if (isMain(import.meta)) {
  const [, , upstream = ''] = process.argv
  const listening = await startProxy(upstream, passThrough)
  process.stdout.write(`${JSON.stringify({ listening, pid: process.pid })}\n`)
}
