// A tool server whose calls can be stopped at each boundary, and made to fail before or after their
// effect. A program of its own, so that it can be killed; its journal is a file that outlives it.
// Usage: node step-server.ts --port <n> --journal <file>
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js'
import { asRecord, at, isRecord, type Json } from './json.ts'

export type Place = 'arrived' | 'before' | 'after'
export type JournalLine = {
  readonly session: string
  readonly kind: 'done' | 'undone'
  readonly n: number
  readonly key: string
}
/** `how`: the tool says before the effect that it failed, or falls over after it. Once. */
export type Fault = { readonly tool: string; readonly n: number; readonly how: 'before' | 'after' }
export type Plan = {
  readonly session: string
  readonly park?: { readonly tool: string; readonly n: number; readonly place: Place }
  readonly faults?: readonly Fault[]
}

type Parked = { readonly session: string; readonly release: (mode: 'go' | 'abandon') => void }

const { values } = parseArgs({ options: { port: { type: 'string' }, journal: { type: 'string' } } })
const journalFile = values.journal ?? ''
const plans = new Map<string, Plan>()
const parked = new Map<string, Parked>()
const faultsDone = new Set<string>()
let replies = 0

function readJournal(): JournalLine[] {
  const text = readFileSync(journalFile, { encoding: 'utf8', flag: 'a+' })
  // A line that a kill cut off was never answered for; what is written is whole lines.
  return text.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line)] : []))
}

function write(line: JournalLine): void {
  const file = openSync(journalFile, 'a')
  writeSync(file, `${JSON.stringify(line)}\n`)
  fsyncSync(file)
  closeSync(file)
  journal.push(line)
}

const journal = readJournal()

function inWorld(session: string, key: string): boolean {
  const own = journal.filter((line) => line.session === session && line.key === key)
  return own.at(-1)?.kind === 'done'
}

type Call = { tool: string; n: number; session: string; key: string }

/** Waits here if the plan says so; throws when the call is abandoned. */
async function pass(call: Call, place: Place): Promise<void> {
  const park = plans.get(call.session)?.park
  if (park?.tool !== call.tool || park.n !== call.n || park.place !== place) return
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const { park: _reached, ...rest } = plans.get(call.session) ?? { session: call.session }
  plans.set(call.session, rest)
  parked.set(call.session, {
    session: call.session,
    release: (mode) => (mode === 'go' ? resolve() : reject(new Error('abandoned'))),
  })
  await promise
}

function isFaulty(call: Call, how: Fault['how']): boolean {
  const faults = plans.get(call.session)?.faults ?? []
  const isPlanned = faults.some(
    (one) => one.tool === call.tool && one.n === call.n && one.how === how,
  )
  const name = `${call.session} ${call.tool} ${call.n} ${how}`
  if (!isPlanned || faultsDone.has(name)) return false
  faultsDone.add(name)
  return true
}

async function perform(call: Call): Promise<CallToolResult> {
  if (call.tool === 'probe')
    return reply({ found: inWorld(call.session, call.key), result: 'found' })
  await pass(call, 'before')
  if (isFaulty(call, 'before')) return { ...reply('it failed'), isError: true }
  const isDone = inWorld(call.session, call.key)
  if (call.tool === 'unstep' && !isDone) return { ...reply('nothing to undo'), isError: true }
  const kind = call.tool === 'unstep' ? 'undone' : 'done'
  write({ session: call.session, kind, n: call.n, key: call.key })
  await pass(call, 'after')
  if (isFaulty(call, 'after')) throw new McpError(ErrorCode.InternalError, 'it fell over')
  return reply({ n: call.n })
}

function reply(value: unknown): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(value) }] }
}

const number = { type: 'integer' }
const key = { type: 'object' as const, properties: { key: { type: 'string' } }, required: ['key'] }
const tools = [
  {
    name: 'step',
    inputSchema: { type: 'object' as const, properties: { n: number }, required: ['n'] },
  },
  { name: 'unstep', inputSchema: key },
  { name: 'probe', inputSchema: key },
]

function readCall(params: unknown): Call {
  const meta = asRecord(at(params, '_meta') ?? {})
  const session = String(meta['airworthy/session'])
  const tool = String(at(params, 'name'))
  const argument: unknown = at(params, 'arguments.key')
  const named = typeof argument === 'string' ? argument : ''
  const found = journal.find((line) => line.session === session && line.key === named)
  return {
    tool,
    session,
    n: tool === 'step' ? Number(at(params, 'arguments.n')) : (found?.n ?? 0),
    key: tool === 'step' ? String(meta['airworthy/effect-key']) : named,
  }
}

async function serveMcp(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body: unknown = await json(request)
  if (at(body, 'method') === 'tools/call') {
    await pass(readCall(at(body, 'params')), 'arrived')
  }
  const mcp = new Server({ name: 'steps', version: '0' }, { capabilities: { tools: {} } })
  mcp.setRequestHandler(ListToolsRequestSchema, () => ({ tools }))
  mcp.setRequestHandler(CallToolRequestSchema, ({ params }) => perform(readCall(params)))
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  response.on('close', () => void mcp.close())
  response.on('finish', () => {
    if (at(body, 'method') === 'tools/call') replies += 1
  })
  await mcp.connect(transport)
  await transport.handleRequest(request, response, body)
}

/** What the drill says: plans, and what to do with the calls that wait. */
async function serveControl(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const command: Json = request.method === 'POST' ? asRecord(await json(request)) : {}
  const wanted = command['plans']
  if (Array.isArray(wanted)) {
    for (const plan of wanted) if (isPlan(plan)) plans.set(plan.session, plan)
  }
  const abandoned = command['abandon']
  if (Array.isArray(abandoned)) {
    for (const [session, one] of parked) {
      one.release(abandoned.includes(session) ? 'abandon' : 'go')
    }
    parked.clear()
  }
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ parked: [...parked.keys()], replies }))
}

function isPlan(value: unknown): value is Plan {
  return isRecord(value) && typeof value['session'] === 'string'
}

const server = createServer((request, response) => {
  const serve = request.url === '/control' ? serveControl : serveMcp
  if (request.method !== 'POST' && request.url !== '/control') {
    response.writeHead(405).end()
    return
  }
  serve(request, response).catch(() => response.destroy())
})
server.keepAliveTimeout = 1000
server.listen(Number(values.port ?? 0), '127.0.0.1', () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  const ready = { listening: `http://127.0.0.1:${port}`, pid: process.pid }
  process.stdout.write(`${JSON.stringify(ready)}\n`)
})
process.on('SIGTERM', () => process.exit(0))
