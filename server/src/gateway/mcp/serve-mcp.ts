// `/mcp/<server>`: an MCP server over Streamable HTTP (revision 2025-11-25) that stands before the
// agent's tool servers. It lists what the pact permits, as it was enrolled, and nothing else.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CallToolRequestSchema,
  ListToolsRequestSchema,
  McpError,
  type Tool,
  ToolSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { parseExactJson } from '../../core/canonical.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { Principal } from '../../store/recorder/types.ts'
import type { Gateway } from '../gateway.ts'
import {
  type CallMark,
  errorOf,
  markHeaders,
  noRetry,
  readBody,
  sendJson,
} from '../http/replies.ts'
import { causeOf } from '../llm/model-call.ts'
import { callTool } from './tool-call.ts'

/** Of the range that JSON-RPC 2.0 leaves to servers; `data.code` says what it is. */
const jsonRpcError = -32000

export async function handleMcp(
  gateway: Gateway,
  exchange: {
    request: IncomingMessage
    response: ServerResponse
    sessionKey: string | undefined
    server: string
  },
): Promise<void> {
  const { request, response } = exchange
  try {
    const principal = await gateway.identifier.identify(request.headers, exchange.sessionKey)
    const { pact } = await gateway.pacts.active(principal)
    if (!pact.servers.has(exchange.server)) {
      const names = [...pact.servers.keys()].join(', ')
      const message = `no tool server ${exchange.server} is enrolled; there are: ${names}`
      throw new AirworthyError('tool.server_unknown', message)
    }
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST')
      const message = 'this endpoint is stateless: it takes POST, and opens no stream of its own'
      throw new AirworthyError('request.method_not_allowed', message)
    }
    await serve(gateway, { ...exchange, principal })
  } catch (thrown) {
    const { status, error } = errorOf(thrown)
    if (status >= 500)
      gateway.log('an MCP request failed', { code: error.code, cause: causeOf(thrown) })
    const body = {
      jsonrpc: '2.0',
      id: null,
      error: { code: jsonRpcError, message: error.message, data: error },
    }
    sendJson(response, { status, body, headers: noRetry })
  }
}

type Exchange = {
  request: IncomingMessage
  response: ServerResponse
  sessionKey: string | undefined
  server: string
  principal: Principal
}

async function serve(gateway: Gateway, exchange: Exchange): Promise<void> {
  const { request, response } = exchange
  const body = await readBody(request, gateway.bodyBytesMax)
  const parsed = parseExactJson(body.toString('utf8'))
  if (parsed.kind === 'invalid') throw new AirworthyError(parsed.code, parsed.message)
  const server = createServer(gateway, exchange)
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  response.on('close', () => {
    void transport.close()
    void server.close()
  })
  await server.connect(transport)
  await transport.handleRequest(request, response, parsed.value)
}

function createServer(gateway: Gateway, exchange: Exchange): Server {
  const { principal, response } = exchange
  const server = new Server(
    { name: 'airworthy', version: '0.1.0' },
    { capabilities: { tools: {} } },
  )
  server.setRequestHandler(ListToolsRequestSchema, async () => ({
    tools: await listPermitted(gateway, exchange),
  }))
  server.setRequestHandler(CallToolRequestSchema, async (message) => {
    const reply = await callTool(gateway, {
      principal,
      server: exchange.server,
      tool: parseToolName(message.params.name),
      args: message.params.arguments ?? {},
    }).catch((thrown: unknown) => throwTyped(gateway, thrown))
    setMarks(response, reply)
    const { result } = reply
    const meta = {
      ...result._meta,
      'airworthy/call': reply.callId,
      'airworthy/receipt': reply.receipt,
      'airworthy/decision': reply.decision,
    }
    return { ...result, _meta: meta }
  })
  return server
}

/** As the manifest has it; the length is that of MCP. What has no such name cannot be enrolled. */
const toolNamePattern = /^[A-Za-z0-9_.-]{1,128}$/

function parseToolName(name: string): string {
  if (toolNamePattern.test(name)) return name
  const message = 'a tool has a name of at most 128 letters, digits, "-", "_" and "."'
  throw new McpError(
    jsonRpcError,
    message,
    errorOf(new AirworthyError('tool.unknown', message)).error,
  )
}

/** A JSON-RPC error that carries our code: without it clients could only read the message. */
function throwTyped(gateway: Gateway, thrown: unknown): never {
  const { status, error } = errorOf(thrown)
  if (status >= 500) {
    gateway.log('a tool call failed', { code: error.code, cause: causeOf(thrown) })
  }
  throw new McpError(jsonRpcError, error.message, error)
}

/** The transport writes its headers when the reply is ready, so they can still be set here. */
function setMarks(response: ServerResponse, mark: CallMark): void {
  if (response.headersSent) return
  for (const [name, value] of Object.entries(markHeaders(mark))) response.setHeader(name, value)
}

async function listPermitted(gateway: Gateway, exchange: Exchange): Promise<Tool[]> {
  const { request, sessionKey } = exchange
  const principal = await gateway.identifier.identifyForList(request.headers, sessionKey)
  const { pact, pinned } = await gateway.pacts.active(principal)
  const listed: Tool[] = []
  for (const [name, tool] of pact.tools) {
    if (tool.server !== exchange.server || !tool.listable) continue
    const enrolled = pinned.get(name)
    if (enrolled === undefined) continue
    const parsed = ToolSchema.safeParse({
      name: tool.tool,
      description: enrolled.description,
      inputSchema: enrolled.inputSchema,
      // No output schema: a refusal or a held call is no output of the tool, and clients check.
      annotations: {
        readOnlyHint: tool.effectClass === 'read',
        destructiveHint: tool.effectClass === 'irreversible',
        idempotentHint: true,
      },
    })
    if (parsed.success) listed.push(parsed.data)
  }
  return listed
}
