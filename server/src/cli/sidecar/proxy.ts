// A local proxy that signs: programs in any language speak plain HTTP to it, and it speaks to the
// gateway for them. It listens on this machine only, and answers no web page.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ReplySignatureError } from '@airworthy/sdk'

export type ProxyOptions = {
  readonly host: string
  readonly port: number
  /** Its path, if it has one, comes before the path of each request. */
  readonly upstream: URL
  /** Signs what it sends. */
  readonly fetch: typeof globalThis.fetch
  /** Sent where the program gives no key of its own. */
  readonly apiKey: string | undefined
}

export type Proxy = { readonly url: string } & AsyncDisposable

const bodyBytesMax = 32 * 1024 * 1024
const requestsMax = 256
const requestTimeoutMs = 60_000

/** Of this connection alone (RFC 9110, section 7.6.1), or made anew. */
const dropped = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
  'accept-encoding',
  'expect',
  'signature',
  'signature-input',
  'signature-agent',
  'content-digest',
])

/** Rejects when it cannot listen there. */
export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  let open = 0
  const server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) => {
    if (open >= requestsMax) {
      refuse(response, 503, 'sidecar.overloaded', `${requestsMax} requests are open`)
      return
    }
    open += 1
    response.once('close', () => (open -= 1))
    pass(options, request, response).catch((thrown: unknown) => fail(response, thrown))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return {
    url: `http://${host}:${address.port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function pass(
  options: ProxyOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { upstream, apiKey } = options
  // A page in a browser of this machine must not sign with the agent's key, by no name of it.
  if (request.headers.origin !== undefined || !isLocalHost(request.headers.host ?? '')) {
    refuse(response, 403, 'sidecar.origin_refused', 'web pages may not use the signing proxy')
    return
  }
  const target = request.url ?? '/'
  if (!target.startsWith('/') || target.startsWith('//')) {
    refuse(response, 400, 'sidecar.invalid', 'send a path, not a whole address')
    return
  }
  const url = new URL(`${upstream.href.replace(/\/$/, '')}${target}`)
  const headers = new Headers({ 'accept-encoding': 'identity' })
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || dropped.has(name)) continue
    headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  const hasKey = headers.has('authorization') || headers.has('x-api-key')
  if (apiKey !== undefined && !hasKey) headers.set('authorization', `Bearer ${apiKey}`)
  const body = await readBody(request)
  if (body === undefined) {
    refuse(response, 413, 'sidecar.too_large', `the body passes ${bodyBytesMax} bytes`)
    return
  }
  const abort = new AbortController()
  response.once('close', () => abort.abort())
  const reply = await options.fetch(url, {
    method: request.method ?? 'GET',
    headers,
    body: body.length === 0 ? null : body,
    signal: abort.signal,
  })
  response.writeHead(reply.status, headersOf(reply))
  if (reply.body === null) response.end()
  else {
    // The head goes at once: a stream may have nothing to say for long.
    response.flushHeaders()
    await pipeline(Readable.fromWeb(reply.body), response)
  }
}

function headersOf(reply: Response): Record<string, string> {
  const kept = [...reply.headers].filter(([name]) => {
    const isOfConnection = name === 'connection' || name === 'keep-alive'
    return !isOfConnection && name !== 'transfer-encoding'
  })
  return Object.fromEntries(kept)
}

function isLocalHost(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i.test(host)
}

/** Undefined when it is too long; the rest is read and dropped. */
async function readBody(request: IncomingMessage): Promise<Buffer<ArrayBuffer> | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    if (!(chunk instanceof Uint8Array)) continue
    bytes += chunk.length
    if (bytes <= bodyBytesMax) chunks.push(Buffer.from(chunk))
    else chunks.length = 0
  }
  return bytes > bodyBytesMax ? undefined : Buffer.concat(chunks)
}

function fail(response: ServerResponse, thrown: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const code = thrown instanceof ReplySignatureError ? thrown.code : 'client.unreachable'
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  refuse(response, 502, code, message)
}

/** In the shape of the gateway's own errors. */
function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  const body = JSON.stringify({ error: { code, message, type: 'airworthy_error' } })
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-should-retry': 'false',
  })
  response.end(body)
}
