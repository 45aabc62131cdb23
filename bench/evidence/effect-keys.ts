// 10,000 calls at once over 1,000 effect keys, spread over sessions and over two gateways on one
// database: the tool executes 1,000 of them, and the others are answered with the same bytes.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type CallToolResult, CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from 'undici'
import { startAirworthy } from '../airworthy.ts'
import { percentile, round } from '../figures.ts'
import { isRecord, startProgram, textField } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const keysCount = 1_000
const callsPerKey = 10
const sessionsPerGateway = 5
/** As many calls are on the wire at once; the others wait for a socket, in the client. */
const socketsPerGateway = 1_000
const callWithinMs = 180_000
const asksAgainMax = 200
const askAgainMs = 250
const counter = fileURLToPath(new URL('./effect-keys/counter-server.ts', import.meta.url))

type Answer = {
  readonly key: number
  readonly bytes: string
  readonly isRepeat: boolean
  readonly isError: boolean
  readonly triesAgain: number
  readonly answersLost: number
  readonly ms: number
}

export async function run({ log }: EvidenceOptions): Promise<Figures> {
  await using opened = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'airworthy-keys-'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const journalFile = join(directory, 'journal.jsonl')
  const tool = opened.use(await startProgram({ name: 'counter', args: [counter, journalFile] }))
  const first = opened.use(await startAirworthy())
  const second = opened.use(await startAirworthy({ replicaOf: first }))
  const manifest = manifestText(textField(tool.ready, 'listening'))
  const { apiKey } = await first.client.enrolAgent({ manifest, file: 'counter.json' })
  const sockets = new Agent({
    connections: socketsPerGateway,
    connect: { timeout: callWithinMs },
    headersTimeout: callWithinMs,
    bodyTimeout: callWithinMs,
  })
  opened.defer(() => sockets.close())
  // The official client fetches through this one.
  const before = getGlobalDispatcher()
  setGlobalDispatcher(sockets)
  opened.defer(() => setGlobalDispatcher(before))
  const clients: Client[] = []
  for (const { url } of [first, second]) {
    for (let n = 0; n < sessionsPerGateway; n += 1) {
      const { sessionKey } = await first.client.openSession({ agent: 'counter' })
      const mcpUrl = `${url}/s/${sessionKey}/mcp/counter`
      const client = await connect(mcpUrl, apiKey ?? '')
      opened.defer(() => client.close())
      clients.push(client)
    }
  }
  const calls = shuffled(keysCount * callsPerKey).map((n) => n % keysCount)
  log(`${calls.length} calls over ${keysCount} keys, ${clients.length} sessions, 2 gateways`)
  const began = performance.now()
  const answers = await Promise.all(calls.map((key, at) => ask(clients[at % clients.length], key)))
  const seconds = (performance.now() - began) / 1000
  const journal = await readJournal(journalFile)
  return figuresOf(answers, { journal, seconds, log: await first.client.getLog() })
}

function manifestText(toolsUrl: string): string {
  return JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: 'counter', owner: 'bench@example.com', stakes: 'low' },
    toolServers: { counter: { transport: 'http', url: toolsUrl, timeoutMs: 60_000 } },
    // One key for all sessions of the agent: they race for the same effects.
    tools: { 'counter/count': { effect: 'irreversible', key: '{{args.name}}', scope: 'agent' } },
    limits: { loops: { identical: 0, oscillation: 0 } },
    pact: { permissions: [{ id: 'all', effect: 'allow', tools: ['counter/*'] }] },
  })
}

async function connect(url: string, apiKey: string): Promise<Client> {
  const client = new Client({ name: 'evidence', version: '0' })
  const requestInit = { headers: { authorization: `Bearer ${apiKey}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }))
  return client
}

/** The numbers below `count` in an order that is always the same, and far from sorted. */
function shuffled(count: number): number[] {
  const numbers = Array.from({ length: count }, (_, n) => n)
  let state = 1
  for (let at = count - 1; at > 0; at -= 1) {
    state = (state * 48_271) % 2_147_483_647
    const other = state % (at + 1)
    const moved = numbers[at] ?? 0
    numbers[at] = numbers[other] ?? 0
    numbers[other] = moved
  }
  return numbers
}

async function ask(client: Client | undefined, key: number): Promise<Answer> {
  if (client === undefined) throw new Error('there is no client')
  const began = performance.now()
  const params = { name: 'count', arguments: { name: `thing-${key}` } }
  let triesAgain = 0
  let answersLost = 0
  let result = await send(client, params)
  // A gateway bounds what waits for one tool server, and a socket may break: then it is asked again,
  // which is safe, because the effect key says that it is the same call.
  while (isToAskAgain(result) && triesAgain + answersLost < asksAgainMax) {
    if (result === undefined) answersLost += 1
    else triesAgain += 1
    await sleep(askAgainMs)
    result = await send(client, params)
  }
  if (result === undefined) throw new Error(`the call for ${key} was never answered`)
  const { _meta: meta, ...told } = result
  return {
    key,
    bytes: JSON.stringify(told),
    isRepeat: isRecord(meta) && 'airworthy/repeat-of' in meta,
    isError: result.isError === true,
    triesAgain,
    answersLost,
    ms: performance.now() - began,
  }
}

/** Undefined where the answer was lost. */
async function send(
  client: Client,
  params: { name: string; arguments: Record<string, unknown> },
): Promise<CallToolResult | undefined> {
  const options = { timeout: callWithinMs }
  try {
    return await client.request({ method: 'tools/call', params }, CallToolResultSchema, options)
  } catch (thrown) {
    if (thrown instanceof TypeError) return undefined
    throw thrown
  }
}

function isToAskAgain(result: CallToolResult | undefined): boolean {
  return result === undefined || result.structuredContent?.['code'] === 'gateway.overloaded'
}

async function readJournal(file: string): Promise<string[]> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  return lines.map((line) => {
    const parsed: unknown = JSON.parse(line)
    return isRecord(parsed) ? String(parsed['name']) : ''
  })
}

function figuresOf(
  answers: readonly Answer[],
  seen: {
    journal: readonly string[]
    seconds: number
    log: { gaps: number; callsWithoutOutcome: number }
  },
): Figures {
  const bytesOf = new Map<number, Set<string>>()
  for (const { key, bytes } of answers) {
    const known = bytesOf.get(key) ?? new Set()
    bytesOf.set(key, known.add(bytes))
  }
  const { journal, seconds } = seen
  const keysAnsweredAlike = [...bytesOf.values()].filter((bytes) => bytes.size === 1).length
  const executed = answers.filter((answer) => !answer.isRepeat && !answer.isError).length
  const repeats = answers.filter((answer) => answer.isRepeat).length
  const errors = answers.filter((answer) => answer.isError)
  const keysExecutedOnce = new Set(journal).size === journal.length ? journal.length : 0
  const times = answers.map((answer) => answer.ms)
  return {
    calls: answers.length,
    socketsPerGateway,
    keys: keysCount,
    effectsInJournal: journal.length,
    keysExecutedOnce,
    answeredByTheTool: executed,
    answeredFromTheRecord: repeats,
    toldToAskAgain: sum(answers.map((answer) => answer.triesAgain)),
    answersLost: sum(answers.map((answer) => answer.answersLost)),
    errors: errors.length,
    firstError: errors[0]?.bytes ?? null,
    keysAnsweredAlike,
    seconds: round(seconds, 1),
    callsPerSecond: Math.round(answers.length / seconds),
    callMsP50: round(percentile(times, 0.5), 0),
    callMsMax: round(Math.max(...times), 0),
    gaps: seen.log.gaps,
    callsWithoutOutcome: seen.log.callsWithoutOutcome,
    holds:
      journal.length === keysCount &&
      keysExecutedOnce === keysCount &&
      keysAnsweredAlike === keysCount &&
      errors.length === 0 &&
      executed <= keysCount &&
      executed + repeats === answers.length &&
      seen.log.gaps === 0 &&
      seen.log.callsWithoutOutcome === 0,
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
