// A fake tool server: real MCP over HTTP with the official SDK, and tools that a test directs. It
// keeps a journal of what was really executed, under which key.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { asRecord, at, type Json } from './json.ts'

export type ToolCall = {
  readonly tool: string
  readonly args: Json
  readonly session: string
  readonly key: string | undefined
  readonly meta: Json
  /** Drops the connection without an answer. */
  readonly cut: () => void
}

export type ToolHandler = (call: ToolCall) => Promise<CallToolResult> | CallToolResult

export type FakeTools = {
  readonly url: string
  /** Every tools/call that arrived, follow-ups included. */
  readonly calls: readonly ToolCall[]
  /** What was executed: writes of the default handlers, and what handlers push. */
  readonly journal: ToolCall[]
  /** Directs a tool in one session; undefined gives it back its usual manners. */
  readonly direct: (session: string, tool: string, handler: ToolHandler | undefined) => void
  /** Directs a tool wherever no session's own direction does. */
  readonly directAll: (tool: string, handler: ToolHandler | undefined) => void
  readonly describe: (tool: string, description: string) => void
} & AsyncDisposable

const text = { type: 'string' }
const order = { order_id: text, note: text, amount: { type: ['number', 'string'] } }

const tools: Readonly<Record<string, Json>> = {
  find_customer: { type: 'object', properties: { email: text }, required: ['email'] },
  get_order: { type: 'object', properties: { order_id: text }, required: ['order_id'] },
  write_order: {
    type: 'object',
    properties: { ...order, labels: { type: 'object' } },
    required: ['order_id'],
    additionalProperties: false,
  },
  refund: { type: 'object', properties: order, required: ['order_id'] },
  notify: { type: 'object', properties: { note: text } },
  quote: { type: 'object', properties: { order_id: text }, required: ['order_id'] },
  probe_effect: { type: 'object', properties: { key: text }, required: ['key'] },
  undo_effect: { type: 'object', properties: { key: text }, required: ['key'] },
  drop_database: { type: 'object', properties: {} },
  snapshot: { type: 'object', properties: {} },
  charge: {
    type: 'object',
    properties: { order_id: text, idempotency_key: text },
    required: ['order_id', 'idempotency_key'],
    additionalProperties: false,
  },
  measure: { type: 'object', properties: { order_id: text } },
}

/** Of the one tool that lists an output schema. */
const outputs: Readonly<Record<string, Json>> = {
  measure: { type: 'object', properties: { grams: { type: 'integer' } }, required: ['grams'] },
}

const writes = new Set(['write_order', 'refund', 'notify', 'drop_database', 'charge', 'measure'])

export function toolText(value: unknown): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(value) }] }
}

export async function startFakeTools(): Promise<FakeTools> {
  const calls: ToolCall[] = []
  const journal: ToolCall[] = []
  const handlers = new Map<string, ToolHandler>()
  const descriptions = new Map<string, string>()
  const perform = (call: ToolCall): Promise<CallToolResult> | CallToolResult => {
    calls.push(call)
    const own = handlers.get(`${call.session} ${call.tool}`)
    const handler = own ?? handlers.get(` ${call.tool}`)
    return handler === undefined ? behave(journal, call) : handler(call)
  }
  const server = createServer((request, response) => {
    void answer({ request, response, perform, descriptions }).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    calls,
    journal,
    direct: (session, tool, handler) => {
      if (handler === undefined) handlers.delete(`${session} ${tool}`)
      else handlers.set(`${session} ${tool}`, handler)
    },
    directAll: (tool, handler) => {
      if (handler === undefined) handlers.delete(` ${tool}`)
      else handlers.set(` ${tool}`, handler)
    },
    describe: (tool, description) => void descriptions.set(tool, description),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** What the tools do when no test directs them. */
export function behave(journal: ToolCall[], call: ToolCall): CallToolResult {
  const { tool, args, key } = call
  const made = journal.filter((one) => one.key === args['key'] && one.session === call.session)
  if (tool === 'probe_effect') return toolText({ found: made.length > 0, result: 'probed' })
  if (tool === 'undo_effect') {
    for (const one of made) journal.splice(journal.indexOf(one), 1)
    return toolText({ undone: made.length })
  }
  if (tool === 'snapshot') {
    return toolText(journal.filter((one) => one.session === call.session).map((one) => one.args))
  }
  if (tool === 'quote') return toolText({ amount: Number(args['order_id']) })
  if (writes.has(tool)) journal.push(call)
  return toolText({ tool, key: key ?? null, count: journal.length })
}

async function answer(exchange: {
  request: IncomingMessage
  response: ServerResponse
  perform: ToolHandler
  descriptions: ReadonlyMap<string, string>
}): Promise<void> {
  const { request, response, perform, descriptions } = exchange
  if (request.method !== 'POST') {
    response.writeHead(405).end()
    return
  }
  const mcp = new Server({ name: 'fake', version: '0' }, { capabilities: { tools: {} } })
  mcp.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.entries(tools).map(([name, inputSchema]) => ({
      name,
      description: descriptions.get(name) ?? `The tool ${name}.`,
      inputSchema: { ...inputSchema, type: 'object' as const },
      ...(outputs[name] === undefined
        ? {}
        : { outputSchema: { ...outputs[name], type: 'object' as const } }),
    })),
  }))
  mcp.setRequestHandler(CallToolRequestSchema, ({ params }) => {
    const meta = asRecord(at(params, '_meta') ?? {})
    const key = meta['airworthy/effect-key']
    return perform({
      tool: params.name,
      args: params.arguments ?? {},
      session: String(meta['airworthy/session']),
      key: typeof key === 'string' ? key : undefined,
      meta,
      cut: () => response.destroy(),
    })
  })
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  response.on('close', () => void mcp.close())
  await mcp.connect(transport)
  await transport.handleRequest(request, response)
}
