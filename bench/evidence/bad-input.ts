// Bad input and broken parts: each gets one clear typed error, and afterwards the record is whole
// and nothing is reserved. PostgreSQL is the embedded one, and is stopped for real.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { agentClients, chat, type AgentClients } from '../../e2e/harness/clients.ts'
import { startFakeTools, type FakeTools } from '../../e2e/harness/fake-tools.ts'
import { startFakeUpstream, type FakeUpstream } from '../../e2e/harness/fake-upstream.ts'
import { manifestText } from '../../e2e/harness/manifest.ts'
import { startServer, type Server } from '../../e2e/harness/server.ts'
import { numberField, parseObject } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const agent = 'bad-input'
const budgetsMax = { calls: 1000, tokens: 10_000_000, moneyUsd: '100' }
const withinMs = 30_000
const bodyBytesMax = 32 * 1024 * 1024

/** What was asked for, what was answered, and whether that is the answer that was due. */
type Case = { readonly status: number; readonly code: string; readonly ok: boolean }

type Ground = {
  readonly server: Server
  readonly upstream: FakeUpstream
  readonly tools: FakeTools
  readonly apiKey: string
  readonly dataDir: string
}

type Session = AgentClients & { readonly id: string; readonly sessionKey: string }

export async function run({ log }: EvidenceOptions): Promise<Figures> {
  await using stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'airworthy-bad-input-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true, maxRetries: 20 }))
  const upstream = stack.use(await startFakeUpstream())
  const tools = stack.use(await startFakeTools())
  log('starting a server on its embedded PostgreSQL')
  const first = stack.use(await startServer({ databaseUrl: undefined, dataDir }))
  const manifest = manifestText({
    name: agent,
    modelBaseUrl: upstream.base('echo', 'usual'),
    toolsUrl: tools.url,
    modelTimeoutMs: 5000,
    toolTimeoutMs: 2000,
    limits: { session: budgetsMax, agent: budgetsMax },
  })
  const { apiKey } = await first.client.enrolAgent({ manifest, file: 'agent.json' })
  if (apiKey === null) throw new Error('the agent was enrolled before')
  const ground = { server: first, upstream, tools, apiKey, dataDir }
  const cases: Record<string, Case> = {}
  for (const [name, drill] of Object.entries(drills)) {
    cases[name] = await drill(ground)
    log(`${name}: ${cases[name].status} ${cases[name].code}${cases[name].ok ? '' : ' (NOT DUE)'}`)
  }
  log('starting the server again, and PostgreSQL with it')
  const second = stack.use(await startServer({ databaseUrl: undefined, dataDir }))
  const record = await readRecord(second)
  log(`calls without outcome ${record.callsWithoutOutcome}, reserved ${record.reserved}`)
  const isWhole = Object.values(record).every((count) => count === 0)
  return { cases, ...record, holds: isWhole && Object.values(cases).every((one) => one.ok) }
}

async function openSession(ground: Ground, behaviour = 'echo'): Promise<Session> {
  const { server, upstream, apiKey } = ground
  const modelBaseUrl =
    behaviour === 'down' ? 'http://127.0.0.1:1/v1' : upstream.base(behaviour, behaviour)
  const { session, sessionKey } = await server.client.openSession({ agent, modelBaseUrl })
  const clients = agentClients({ url: server.url, apiKey, sessionKey })
  return { ...clients, id: session.id, sessionKey }
}

/** In the order in which they run: the last one leaves no PostgreSQL. */
const drills: Readonly<Record<string, (ground: Ground) => Promise<Case>>> = {
  oversizedBody: (ground) => {
    const filler = 'x'.repeat(bodyBytesMax)
    return askModel(ground, { body: JSON.stringify(chat({ filler })) }, [413, 'request.too_large'])
  },
  brokenJson: (ground) =>
    askModel(ground, { body: '{"model":"fake",' }, [400, 'request.invalid_json']),
  unknownAgentKey: (ground) => {
    const apiKey = `awk_${'A'.repeat(43)}`
    return askModel({ ...ground, apiKey }, {}, [401, 'auth.unknown_key'])
  },
  revokedKey,
  unknownTool: (ground) => askTool(ground, 'no_such_tool', {}, 'tool.unknown'),
  argumentsAgainstTheSchema: (ground) =>
    askTool(ground, 'write_order', { order_id: 5 }, 'tool.arguments_invalid'),
  upstreamDown: (ground) => askModel(ground, { behaviour: 'down' }, [502, 'upstream.unreachable']),
  upstreamGarbage: (ground) =>
    askModel(ground, { behaviour: 'garbage' }, [502, 'upstream.invalid']),
  clientGoneMidStream,
  postgresStoppedMidCall,
}

async function askModel(
  ground: Ground,
  asked: { body?: string; behaviour?: string },
  due: readonly [status: number, code: string],
): Promise<Case> {
  await using session = await openSession(ground, asked.behaviour)
  const reply = await session.post(asked.body ?? chat())
  const code = reply.code ?? ''
  return { status: reply.status, code, ok: reply.status === due[0] && code === due[1] }
}

async function askTool(
  ground: Ground,
  tool: string,
  args: Readonly<Record<string, unknown>>,
  due: string,
): Promise<Case> {
  await using session = await openSession(ground)
  const reply = await session.call(tool, args)
  const code = codeIn(reply.value)
  // MCP answers 200: that the call was refused is in the result.
  return { status: 200, code, ok: reply.isError && code === due }
}

function codeIn(value: unknown): string {
  return typeof value === 'object' && value !== null && 'code' in value ? String(value.code) : ''
}

async function revokedKey(ground: Ground): Promise<Case> {
  const { client } = ground.server
  const issued = await client.issueKey(agent)
  const before = await askModel({ ...ground, apiKey: issued.apiKey }, {}, [200, ''])
  await client.revokeKey(agent, issued.id)
  const after = await askModel({ ...ground, apiKey: issued.apiKey }, {}, [401, 'auth.revoked_key'])
  return { ...after, ok: before.ok && after.ok }
}

async function clientGoneMidStream(ground: Ground): Promise<Case> {
  const { server, upstream, apiKey } = ground
  upstream.gate('gated-end')
  await using session = await openSession(ground, 'gated-end')
  const leaving = new AbortController()
  const response = await fetch(`${server.url}/s/${session.sessionKey}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}` },
    body: JSON.stringify(chat({ stream: true })),
    signal: leaving.signal,
  })
  await response.body?.getReader().read()
  leaving.abort()
  const code = await until('the outcome of the call', async () => {
    const { calls } = await server.client.getSession(session.id)
    return calls[0]?.code ?? undefined
  })
  return { status: response.status, code, ok: response.status === 200 && code === 'client.closed' }
}

/** A model call and a write are under way when PostgreSQL is stopped, and end after it. */
async function postgresStoppedMidCall(ground: Ground): Promise<Case> {
  const { server, upstream, tools, dataDir } = ground
  const gate = upstream.gate('gated')
  await using session = await openSession(ground, 'gated')
  const toolEnded = Promise.withResolvers<void>()
  tools.direct(session.id, 'write_order', async () => {
    await toolEnded.promise
    return { content: [{ type: 'text', text: 'done' }] }
  })
  const asking = session.post(chat())
  const writing = session.call('write_order', { order_id: 'a' }).then(
    (reply) => codeIn(reply.value),
    (thrown: unknown) => codeIn(dataOf(thrown)),
  )
  await until('both calls to be under way', async () => {
    const isWriting = tools.calls.some((call) => call.session === session.id)
    return (isWriting && upstream.asked('gated').length > 0) || undefined
  })
  const file = parseObject((await readFile(join(dataDir, 'postgres.json'), 'utf8')).trim())
  if (file === undefined) throw new TypeError('postgres.json is not an object')
  process.kill(numberField(file, 'pid'), 'SIGINT')
  await until('the server to notice', async () => {
    const { status } = await server.client.health()
    return status === 'failing' || undefined
  })
  gate.open()
  toolEnded.resolve()
  const reply = await asking
  const codes = new Set([reply.code, await writing, (await session.post(chat())).code])
  const ok = reply.status === 503 && codes.size === 1 && codes.has('log.unavailable')
  // Without PostgreSQL it has nothing to end in order.
  await server.kill()
  return { status: reply.status, code: [...codes].join(' '), ok }
}

function dataOf(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null && 'data' in thrown ? thrown.data : undefined
}

type RecordFigures = {
  readonly callsWithoutOutcome: number
  readonly gaps: number
  readonly agentGaps: number
  readonly brokenLinks: number
  readonly reserved: number
}

async function readRecord({ client }: Server): Promise<RecordFigures> {
  const log = await until('recovery', async () => {
    const read = await client.getLog()
    return read.callsWithoutOutcome === 0 ? read : undefined
  }).catch(() => client.getLog())
  const { callsWithoutOutcome, gaps, agentGaps, brokenLinks } = log
  const { sessions } = await client.listSessions({ agent, limit: 100 })
  const details = await Promise.all(sessions.map(({ id }) => client.getSession(id)))
  const budgets = [
    ...(await client.getAgent(agent)).budgets,
    ...details.flatMap((detail) => detail.budgets),
  ]
  const reserved = budgets.reduce((sum, budget) => sum + Number(budget.reserved), 0)
  return { callsWithoutOutcome, gaps, agentGaps, brokenLinks, reserved }
}

async function until<Found>(what: string, ask: () => Promise<Found | undefined>): Promise<Found> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const found = await ask()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await sleep(50)
  }
}
