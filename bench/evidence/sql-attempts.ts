// A hostile agent has the query tool of a database, through the real gateway and the official MCP
// client. Afterwards the database's own state says whether anything changed, and every reply is
// searched for a marker that stands only in what the agent may not read.

import { access, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client as Database } from 'pg'
import { agentClients, type AgentClients } from '../../e2e/harness/clients.ts'
import { startServer } from '../../e2e/harness/server.ts'
import { isRecord, parseObject, textField } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { attemptClasses, type AttemptClass } from './sql-attempts-list.ts'
import { makeShop, marker, readState, shopDatabase } from './sql-attempts-shop.ts'

const agent = 'sql-attempts'
const timeoutMs = 1000
/** Of the gateway: connections, checks, a machine that does other things. */
const marginMs = 2000
const rowsMax = 20
const bytesMax = 64 * 1024
const attemptsMin = 100

type Tally = {
  attempts: number
  readonly codes: Record<string, number>
  slowestMs: number
  readonly successes: string[]
}

type Ground = { readonly tools: AgentClients; readonly notified: () => number }

export async function run({ log }: EvidenceOptions): Promise<Figures> {
  await using stack = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'airworthy-sql-attempts-'))
  stack.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 20 }))
  log('starting the PostgreSQL that is attacked, and a gateway in front of it')
  const host = stack.use(await startServer({ databaseUrl: undefined }))
  const admin = await adminUrl(host.dataDir)
  const agentUrl = await makeShop(admin)
  const server = stack.use(
    await startServer({ databaseUrl: undefined, env: { SHOP_QUERY_URL: agentUrl } }),
  )
  const { apiKey } = await server.client.enrolAgent({ manifest: manifest(), file: 'agent.json' })
  if (apiKey === null) throw new Error('the agent was enrolled before')
  const { sessionKey } = await server.client.openSession({ agent })
  const tools = stack.use(agentClients({ url: server.url, apiKey, sessionKey, server: 'shop' }))
  const watcher = new Database({ connectionString: shopDatabase(admin) })
  await watcher.connect()
  stack.defer(() => watcher.end())
  let notifications = 0
  watcher.on('notification', () => (notifications += 1))
  await watcher.query('LISTEN escape')
  const file = join(directory, 'escaped')
  const before = await readState(watcher)
  const works = await sees(tools, 'SELECT id, customer FROM orders ORDER BY id', 'north-1')
  const classes: Record<string, Tally> = {}
  for (const [name, attemptClass] of Object.entries(attemptClasses(file))) {
    classes[name] = await attack({ tools, notified: () => notifications }, attemptClass)
    const { attempts, codes, slowestMs, successes } = classes[name]
    log(`${name}: ${attempts} attempts, ${JSON.stringify(codes)}, slowest ${slowestMs} ms`)
    for (const success of successes) log(`SUCCEEDED: ${success}`)
  }
  const changed = differences(before, await readState(watcher))
  log('the same with nothing but the database: its role, in a READ ONLY transaction')
  const markersSeen = await attackAlone(agentUrl, attemptClasses(file))
  const changedAlone = differences(before, await readState(watcher))
  const tallies = Object.values(classes)
  const attempts = tallies.reduce((sum, tally) => sum + tally.attempts, 0)
  const succeeded = tallies.reduce((sum, tally) => sum + tally.successes.length, 0)
  const fileWritten = await access(file).then(
    () => true,
    () => false,
  )
  const stillWorks = await sees(tools, 'SELECT id, customer FROM orders ORDER BY id', 'north-1')
  const isUntouched = changed.length === 0 && notifications === 0 && !fileWritten
  return {
    attempts,
    succeeded,
    classes,
    slowestMs: Math.max(...tallies.map((tally) => tally.slowestMs)),
    timeoutMs,
    marginMs,
    stateCompared: Object.keys(before),
    changed,
    notifications,
    fileWritten,
    databaseAlone: { markersSeen, changed: changedAlone },
    works: works && stillWorks,
    holds:
      attempts >= attemptsMin &&
      succeeded === 0 &&
      isUntouched &&
      markersSeen === 0 &&
      changedAlone.length === 0 &&
      works &&
      stillWorks,
  }
}

type State = Awaited<ReturnType<typeof readState>>

function differences(before: State, after: State): string[] {
  return Object.keys(before).filter((part) => before[part] !== after[part])
}

async function attack(ground: Ground, attemptClass: AttemptClass): Promise<Tally> {
  const tally: Tally = { attempts: 0, codes: {}, slowestMs: 0, successes: [] }
  for (const sql of attemptClass.attempts) {
    const began = performance.now()
    const reply = await ask(ground.tools, sql)
    const tookMs = Math.round(performance.now() - began)
    tally.attempts += 1
    tally.slowestMs = Math.max(tally.slowestMs, tookMs)
    const code = reply.isError ? reply.code : `bounded answer`
    tally.codes[code] = (tally.codes[code] ?? 0) + 1
    const isBeyond = reply.rows > rowsMax || reply.text.length > 2 * bytesMax
    const isAnswered = !reply.isError && attemptClass.due === 'refused'
    const isUnclear = reply.isError && !reply.code.startsWith('sql.') && reply.code !== refusedNul
    const isLate = tookMs > timeoutMs + marginMs
    if (isAnswered || isUnclear || isBeyond || isLate || reply.text.includes(marker)) {
      tally.successes.push(`${sql.slice(0, 80)} (${code}, ${tookMs} ms)`)
    }
  }
  return tally
}

/** What the log cannot keep is refused before it is decided about. */
const refusedNul = 'request.invalid'

type Reply = {
  readonly isError: boolean
  readonly code: string
  readonly rows: number
  readonly text: string
}

async function ask(tools: AgentClients, sql: string): Promise<Reply> {
  try {
    const { isError, value } = await tools.call('query', { sql })
    const content = isRecord(value) ? value : {}
    const rows = Array.isArray(content['rows']) ? content['rows'].length : 0
    const code = typeof content['code'] === 'string' ? content['code'] : ''
    return { isError, code, rows, text: JSON.stringify(value) }
  } catch (thrown) {
    const data = isRecord(thrown) && isRecord(thrown['data']) ? thrown['data'] : {}
    return { isError: true, code: String(data['code'] ?? thrown), rows: 0, text: String(thrown) }
  }
}

async function sees(tools: AgentClients, sql: string, due: string): Promise<boolean> {
  const reply = await ask(tools, sql)
  return !reply.isError && reply.text.includes(due) && !reply.text.includes(marker)
}

const dataClasses = ['write', 'define', 'files', 'privilege', 'several statements', 'other tables']

/**
 * The same texts with nothing of the gateway in between, several statements at once included: what
 * then still holds, the database itself holds. Answers how many replies had the marker.
 */
async function attackAlone(
  url: string,
  classes: Readonly<Record<string, AttemptClass>>,
): Promise<number> {
  const texts = dataClasses.flatMap((name) => classes[name]?.attempts ?? [])
  let markersSeen = 0
  for (const text of texts) {
    const client = new Database({ connectionString: url, statement_timeout: timeoutMs })
    client.on('error', () => undefined)
    await client.connect()
    await client.query('BEGIN READ ONLY; SELECT 1')
    const seen = await client.query(text).then(
      (result) => JSON.stringify(result),
      (error: unknown) => String(error),
    )
    if (seen.includes(marker)) markersSeen += 1
    await client.end().catch(() => undefined)
  }
  return markersSeen
}

async function adminUrl(dataDir: string): Promise<string> {
  const file = parseObject((await readFile(join(dataDir, 'postgres.json'), 'utf8')).trim())
  if (file === undefined) throw new TypeError('postgres.json is not an object')
  return textField(file, 'url')
}

function manifest(): string {
  const relations = ['shop.orders', 'shop.own_orders']
  const query = { urlEnv: 'SHOP_QUERY_URL', relations, rowsMax, bytesMax, timeoutMs }
  return JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: agent, owner: 'evidence@example.com', stakes: 'high' },
    toolServers: { shop: { transport: 'sql', query } },
    tools: { 'shop/query': { effect: 'read' } },
    limits: { session: { calls: 10_000 } },
    pact: { permissions: [{ id: 'ask', effect: 'allow', tools: ['shop/query'] }] },
  })
}
