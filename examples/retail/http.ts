// MCP over Streamable HTTP, stateless: a fresh protocol server for each request, on loopback only.
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createMcpServer } from './mcp-server.ts'
import type { Desk } from './mcp-server.ts'
import type { Shop } from './shop/shop.ts'

const HOST = '127.0.0.1'
const BODY_BYTES_MAX = 1024 * 1024
const HEALTH_TIMEOUT_MS = 2_000
const STOP_TIMEOUT_MS = 10_000

export type HttpShop = { url: string; stop: () => Promise<void> }

export async function serveHttp(shop: Shop, desk: Desk, port: number): Promise<HttpShop> {
  const server = createServer((request, response) => {
    route({ shop, desk }, request, response).catch((error: unknown) => {
      console.error('retail: a request failed', error)
      if (response.headersSent) response.destroy()
      else reply(response, 500, { error: 'the shop could not answer' })
    })
  })
  await listen(server, port)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return { url: `http://${HOST}:${address.port}/mcp`, stop: () => stop(server) }
}

function listen(server: Server, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, HOST, () => {
    server.removeListener('error', reject)
    resolve()
  })
  return promise
}

async function stop(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  // Calls that run may finish; a client that never reads its reply does not hold the shop open.
  const timer = setTimeout(() => server.closeAllConnections(), STOP_TIMEOUT_MS)
  server.close(() => resolve())
  server.closeIdleConnections()
  await promise
  clearTimeout(timer)
}

async function route(
  context: { shop: Shop; desk: Desk },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // A web page that rebinds its own name to loopback would send that name here.
  if (!isLocal(request.headers.host)) return reply(response, 403, { error: 'unknown host' })
  const path = request.url?.split('?', 1)[0]
  if (path === '/healthz') {
    const isHealthy = await canQuery(context.shop)
    return reply(response, isHealthy ? 200 : 503, { healthy: isHealthy })
  }
  if (path !== '/mcp') return reply(response, 404, { error: 'only /mcp and /healthz are here' })
  if (request.method !== 'POST') {
    response.setHeader('allow', 'POST')
    return reply(response, 405, { error: 'the shop keeps no sessions: only POST is answered' })
  }
  return handleMcp(context.desk, request, response)
}

async function handleMcp(
  desk: Desk,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const mcp = createMcpServer(desk)
  const transport = new StreamableHTTPServerTransport({
    enableJsonResponse: true,
    maxRequestBodySize: BODY_BYTES_MAX,
  })
  response.once('close', () => {
    mcp.close().catch((error: unknown) => console.error('retail: closing failed', error))
  })
  await mcp.connect(transport)
  await transport.handleRequest(request, response)
}

function isLocal(host: string | undefined): boolean {
  return host !== undefined && /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host)
}

async function canQuery(shop: Shop): Promise<boolean> {
  const timeout = AbortSignal.timeout(HEALTH_TIMEOUT_MS)
  const { promise, resolve } = Promise.withResolvers<false>()
  timeout.addEventListener('abort', () => resolve(false), { once: true })
  const query = shop.pool.query('select 1').then(
    () => true,
    () => false,
  )
  return Promise.race([query, promise])
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
