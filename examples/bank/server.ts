// A bank as a tool server, with books of its own: what left is known here whatever a gateway believes.
// A reference says how a transfer behaves, so that a drill can have timeouts and refusals on purpose.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'

export type Booking = {
  readonly tool: string
  readonly reference: string
  readonly to: string
  /** Minor units. */
  readonly minor: number
}

export type Bank = {
  /** Of its MCP endpoint. */
  readonly url: string
  readonly bookings: readonly Booking[]
  /** What left, less nothing that came back; and the most that it ever was. */
  readonly left: () => number
  readonly reset: () => void
} & AsyncDisposable

const payment = {
  type: 'object' as const,
  properties: {
    to: { type: 'string' },
    amount: { type: 'string' },
    currency: { type: 'string' },
    reference: { type: 'string' },
  },
  required: ['to', 'amount', 'reference'],
}
const settlement = {
  type: 'object' as const,
  properties: {
    authorisation: { type: 'string' },
    amount: { type: 'string' },
    reference: { type: 'string' },
  },
  required: ['authorisation', 'amount', 'reference'],
}

const tools = [
  { name: 'transfer', description: 'Sends money.', inputSchema: payment },
  { name: 'refund', description: 'Takes money back.', inputSchema: payment },
  { name: 'authorise', description: 'Sets money aside.', inputSchema: payment },
  { name: 'capture', description: 'Sends what was set aside.', inputSchema: settlement },
  { name: 'void', description: 'Gives up what was set aside.', inputSchema: settlement },
]

/** Longer than any time limit of a drill. */
const lostMs = 8_000
const slowMs = 300

/** Listens on a port of its own, on loopback. */
export async function startBank(): Promise<Bank> {
  const bookings: Booking[] = []
  const book = async (tool: string, args: Record<string, unknown>): Promise<CallToolResult> => {
    const reference = String(args['reference'])
    if (reference.startsWith('refused')) return answer({ error: 'insufficient funds' }, true)
    if (reference.startsWith('slow')) await sleep(slowMs)
    const minor = Math.round(Number(args['amount']) * 100)
    bookings.push({ tool, reference, to: typeof args['to'] === 'string' ? args['to'] : '', minor })
    // The money has left, and nobody hears of it in time.
    if (reference.startsWith('lost')) await sleep(lostMs)
    return answer({ booked: reference, authorisation: `auth-${reference}` }, false)
  }
  const server = createServer((request, response) => {
    if (request.method === 'POST')
      void serve(request, response, book).catch(() => response.destroy())
    else response.writeHead(405).end()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const left = (): number =>
    bookings
      .filter(({ tool }) => tool === 'transfer' || tool === 'capture')
      .reduce((sum, { minor }) => sum + minor, 0)
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    bookings,
    left,
    reset: () => {
      bookings.length = 0
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}

function answer(value: object, isError: boolean): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(value) }], isError }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  book: (tool: string, args: Record<string, unknown>) => Promise<CallToolResult>,
): Promise<void> {
  const mcp = new Server({ name: 'bank', version: '0' }, { capabilities: { tools: {} } })
  mcp.setRequestHandler(ListToolsRequestSchema, () => ({ tools }))
  mcp.setRequestHandler(CallToolRequestSchema, ({ params }) =>
    book(params.name, params.arguments ?? {}),
  )
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  response.on('close', () => void mcp.close())
  await mcp.connect(transport)
  await transport.handleRequest(request, response)
}

/** Of a tool that pays somebody. */
const paid = (more: object) => ({
  effect: 'irreversible',
  key: '{{args.reference}}',
  scope: 'agent',
  amount: { argument: 'amount', currency: 'USD' },
  counterparty: 'to',
  ...more,
})

/** Of one that ends what was authorised. */
const settled = (does: string) => ({
  effect: 'irreversible',
  key: '{{args.reference}}',
  scope: 'agent',
  amount: { argument: 'amount', currency: 'USD' },
  authorisation: { does, id: '{{args.authorisation}}' },
})

/** What agents of the bank are enrolled with. */
export function bankManifest(options: {
  readonly agent: string
  readonly url: string
  readonly timeoutMs?: number
}): string {
  const { agent, url, timeoutMs = 1_000 } = options
  return JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: agent, owner: 'treasury@example.com', stakes: 'high' },
    toolServers: { bank: { transport: 'http', url, timeoutMs } },
    tools: {
      'bank/transfer': paid({
        amount: { argument: 'amount', currencyArgument: 'currency' },
      }),
      'bank/refund': paid({ direction: 'refund' }),
      'bank/authorise': paid({
        authorisation: { does: 'opens', id: '{{result.authorisation}}' },
      }),
      'bank/capture': settled('captures'),
      'bank/void': settled('voids'),
    },
    limits: { loops: { identical: 0, oscillation: 0 } },
    pact: { permissions: [{ id: 'all', effect: 'allow', tools: ['bank/*'] }] },
  })
}
