// `/mcp/<server>`: the agent's tool servers over Streamable HTTP, in the revision that the client
// speaks: 2026-07-28, or 2025-11-25 and before. It lists what the pact permits, and nothing else.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  classifyInboundRequest,
  createMcpHandler,
  type InitializeRequest,
  isInitializeRequest,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResponse,
  isJsonContentType,
  type JSONRPCRequest,
  PerRequestHTTPServerTransport,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/server'
import { parseExactJson } from '../../../core/canonical.ts'
import { AirworthyError } from '../../../core/errors.ts'
import type { Gateway } from '../../gateway.ts'
import { errorOf, noRetry, readBody, sendJson } from '../../http/replies.ts'
import { causeOf } from '../../llm/refuse-model-call.ts'
import { jsonRpcError } from './agent-errors.ts'
import { clientOf, type Push } from './agent-relay.ts'
import { createAgentServer } from './agent-server.ts'
import { type McpExchange, headerOf, sessionHeader, webRequestOf, writeReply } from './exchange.ts'
import { listenAsAsked, openStream } from './notification-streams.ts'
import { checkOrigin } from './origin.ts'
import { marksOf, nameClient, narrowMarks } from '../servers/relay-marks.ts'

export async function handleMcp(
  gateway: Gateway,
  incoming: {
    request: IncomingMessage
    response: ServerResponse
    sessionKey: string | undefined
    server: string
  },
): Promise<void> {
  const { request, response, sessionKey, server } = incoming
  try {
    checkOrigin(request, gateway.allowedOrigins)
    const principal = await gateway.identifier.identify(request.headers, sessionKey, 'tools')
    const loaded = await gateway.pacts.active(principal)
    if (!loaded.pact.servers.has(server)) {
      const names = [...loaded.pact.servers.keys()].join(', ')
      const message = `no tool server ${server} is enrolled; there are: ${names}`
      throw new AirworthyError('tool.server_unknown', message)
    }
    const abort = new AbortController()
    response.once('close', () => {
      if (!response.writableFinished) abort.abort()
    })
    const client = headerOf(request, sessionHeader) ?? ''
    const clientKey = `${principal.sessionId} ${server} ${client.slice(0, sessionIdCharsMax)}`
    const exchange = { ...incoming, principal, loaded, clientKey, abort, mark: undefined }
    await route(gateway, exchange)
  } catch (thrown) {
    refuse(gateway, response, thrown)
  }
}

const sessionIdCharsMax = 200

function refuse(gateway: Gateway, response: ServerResponse, thrown: unknown): void {
  const { status, error } = errorOf(thrown)
  if (status >= 500) {
    gateway.log('an MCP request failed', { code: error.code, cause: causeOf(thrown) })
  }
  const body = {
    jsonrpc: '2.0',
    id: null,
    error: { code: jsonRpcError, message: error.message, data: error },
  }
  sendJson(response, { status, body, headers: noRetry })
}

async function route(gateway: Gateway, exchange: McpExchange): Promise<void> {
  const { request, response } = exchange
  if (request.method === 'POST') {
    await serve(gateway, exchange)
  } else if (request.method === 'GET' && (await openStream(gateway, exchange))) {
    return
  } else if (request.method === 'DELETE') {
    // A session is nothing but a name here: there is nothing to end.
    response.writeHead(204).end()
  } else {
    response.setHeader('allow', 'POST')
    const message = 'this endpoint takes POST, and opens no stream of its own here'
    throw new AirworthyError('request.method_not_allowed', message)
  }
}

async function serve(gateway: Gateway, exchange: McpExchange): Promise<void> {
  const { request } = exchange
  if (!isJsonContentType(headerOf(request, 'content-type') ?? null)) {
    const message = 'send the content type application/json'
    throw new AirworthyError('request.unsupported_media', message)
  }
  const body = await readBody(request, gateway.bodyBytesMax)
  const parsed = parseExactJson(body.toString('utf8'))
  if (parsed.kind === 'invalid') throw new AirworthyError(parsed.code, parsed.message)
  const outcome = classifyInboundRequest({
    httpMethod: 'POST',
    ...headersOf(request),
    body: parsed.value,
  })
  if (outcome.kind === 'legacy') await serveLegacy(gateway, exchange, parsed.value)
  else await serveModern(gateway, exchange, parsed.value)
}

/** The headers of revision 2026-07-28 that must agree with the body. */
function headersOf(request: IncomingMessage) {
  const protocolVersionHeader = headerOf(request, 'mcp-protocol-version')
  const mcpMethodHeader = headerOf(request, 'mcp-method')
  const mcpNameHeader = headerOf(request, 'mcp-name')
  return {
    ...(protocolVersionHeader === undefined ? {} : { protocolVersionHeader }),
    ...(mcpMethodHeader === undefined ? {} : { mcpMethodHeader }),
    ...(mcpNameHeader === undefined ? {} : { mcpNameHeader }),
  }
}

/** Revision 2026-07-28: each request stands alone and says all that is to be known of it. */
async function serveModern(gateway: Gateway, exchange: McpExchange, body: unknown): Promise<void> {
  const listening = await listenAsAsked(gateway, exchange, body)
  const handler = createMcpHandler(() => createAgentServer(gateway, exchange), {
    legacy: 'reject',
    maxSubscriptions: gateway.notifications.hasRoom ? 1 : 0,
    bus: listening.bus,
    onerror: (error) => gateway.log('an MCP request was refused', { error: error.message }),
  })
  const options = { parsedBody: listening.body }
  const reply = await handler.fetch(webRequestOf(exchange), options)
  const untrack = listening.isStream
    ? gateway.notifications.track(() => void handler.close())
    : undefined
  try {
    await writeReply(exchange, reply)
  } finally {
    untrack?.()
  }
}

/** Requests that run, by client and request id. A client without a name cannot name them either. */
const running = new Map<string, AbortController>()

/** Revision 2025-11-25 and before: a handshake, then requests that refer to it. */
async function serveLegacy(gateway: Gateway, exchange: McpExchange, body: unknown): Promise<void> {
  const { request, response } = exchange
  const asked = headerOf(request, 'mcp-protocol-version')
  if (asked !== undefined && !SUPPORTED_PROTOCOL_VERSIONS.includes(asked)) {
    const message = `revision ${asked} is not spoken here`
    throw new AirworthyError('request.invalid', message)
  }
  if (isJSONRPCRequest(body)) {
    await answerLegacy(gateway, exchange, body)
    return
  }
  if (!isJSONRPCNotification(body) && !isJSONRPCResponse(body)) {
    const message = Array.isArray(body)
      ? 'send one JSON-RPC message a request: batches left MCP with revision 2025-06-18'
      : 'the body is no JSON-RPC message'
    throw new AirworthyError('request.invalid', message)
  }
  if (isJSONRPCResponse(body)) {
    await gateway.identifier.identifyForList(request.headers, exchange.sessionKey)
    gateway.relays.answer(clientOf(exchange), body)
  } else if (body.method === 'notifications/cancelled') {
    running.get(runningKey(exchange, body.params?.['requestId']))?.abort()
  }
  response.writeHead(202).end()
}

async function answerLegacy(
  gateway: Gateway,
  exchange: McpExchange,
  message: JSONRPCRequest,
): Promise<void> {
  const { request, response, abort } = exchange
  const mayStream = headerOf(request, 'accept')?.includes('text/event-stream') === true
  const transport = new PerRequestHTTPServerTransport({
    classification: { era: 'legacy' },
    responseMode: mayStream ? 'auto' : 'json',
  })
  const push: Push = (asked) => transport.send(asked, { relatedRequestId: message.id })
  const server = createAgentServer(gateway, exchange, mayStream ? push : undefined)
  const key = runningKey(exchange, message.id)
  if (headerOf(request, sessionHeader) !== undefined) running.set(key, abort)
  try {
    await server.connect(transport)
    const reply = await transport.handleMessage(message, { request: webRequestOf(exchange) })
    // What a client is known by: whom it cancels for, and what it follows.
    const isNew = isInitializeRequest(message) && reply.ok
    const more = isNew ? { [sessionHeader]: newClientName(exchange, message) } : {}
    await writeReply(exchange, reply, more)
  } catch (thrown) {
    if (!abort.signal.aborted) throw thrown
    // It was cancelled, so nobody waits for the answer.
    if (!response.headersSent && !response.destroyed) response.writeHead(202)
    response.end()
  } finally {
    if (running.get(key) === abort) running.delete(key)
    await server.close()
  }
}

/** What a client is known by from now on, with what its tool server may ask it. */
function newClientName(exchange: McpExchange, { params }: InitializeRequest): string {
  const { pact } = exchange.loaded
  const server = pact.servers.get(exchange.server)
  const relay = server !== undefined && 'relay' in server ? server.relay : undefined
  return nameClient(randomUUID(), narrowMarks(marksOf(params.capabilities), relay))
}

function runningKey(exchange: McpExchange, id: unknown): string {
  return `${exchange.clientKey} ${JSON.stringify(id)}`
}
