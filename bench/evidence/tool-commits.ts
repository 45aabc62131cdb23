// How many transactions that write one tool call waits for: its intent, and its outcome. One call
// is made after the other, so that none can share the commits of another.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Client as DatabaseClient } from 'pg'
import { startAirworthy } from '../airworthy.ts'
import { round } from '../figures.ts'
import { startProgram, textField } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const callsCount = 400
const warmUp = 20
const idleMs = 3000
const commitsMax = 2
const counter = fileURLToPath(new URL('./effect-keys/counter-server.ts', import.meta.url))

export async function run({ log }: EvidenceOptions): Promise<Figures> {
  await using opened = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'airworthy-commits-'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const journal = join(directory, 'journal.jsonl')
  const tool = opened.use(await startProgram({ name: 'counter', args: [counter, journal] }))
  const server = opened.use(await startAirworthy())
  const manifest = manifestText(textField(tool.ready, 'listening'))
  const { apiKey } = await server.client.enrolAgent({ manifest, file: 'counter.json' })
  const { sessionKey } = await server.client.openSession({ agent: 'counter' })
  const client = new Client({ name: 'evidence', version: '0' })
  const url = new URL(`${server.url}/s/${sessionKey}/mcp/counter`)
  const requestInit = { headers: { authorization: `Bearer ${apiKey ?? ''}` } }
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit }))
  opened.defer(() => client.close())
  const database = new DatabaseClient({ connectionString: server.databaseUrl })
  await database.connect()
  opened.defer(() => database.end())
  const call = (n: number) => client.callTool({ name: 'count', arguments: { name: `thing-${n}` } })
  for (let n = 0; n < warmUp; n += 1) await call(n)

  log(`what the server writes by itself in ${idleMs / 1000} s`)
  const beforeIdle = await transactions(database)
  await sleep(idleMs)
  const idle = (await transactions(database)) - beforeIdle
  log(`${callsCount} writes, one after the other`)
  const before = await transactions(database)
  const began = performance.now()
  let errors = 0
  for (let n = 0; n < callsCount; n += 1) {
    const result = await call(warmUp + n)
    if (result.isError === true) errors += 1
  }
  const ms = performance.now() - began
  const written = (await transactions(database)) - before
  const ownAccord = (idle * ms) / idleMs
  const perCall = (written - ownAccord) / callsCount
  return {
    calls: callsCount,
    errors,
    transactionsWritten: written,
    ofTheServersOwn: round(ownAccord, 1),
    commitsPerCall: round(perCall, 3),
    callMsMean: round(ms / callsCount, 2),
    // What runs by itself is known as a rate only, so a call may seem to have a little of it.
    holds: errors === 0 && perCall <= commitsMax + 0.02,
  }
}

/** Transactions that wrote something, so far: only those get a number of their own. */
async function transactions(database: DatabaseClient): Promise<number> {
  const found = await database.query<{ next: string }>(
    'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next',
  )
  return Number(found.rows[0]?.next)
}

function manifestText(toolsUrl: string): string {
  return JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: 'counter', owner: 'bench@example.com', stakes: 'low' },
    toolServers: { counter: { transport: 'http', url: toolsUrl } },
    tools: { 'counter/count': { effect: 'irreversible', key: '{{args.name}}' } },
    limits: { loops: { identical: 0, oscillation: 0 } },
    pact: { permissions: [{ id: 'all', effect: 'allow', tools: ['counter/*'] }] },
  })
}
