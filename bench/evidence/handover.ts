// Sessions are handed over to people in the middle of their work, on two gateways: what reaches the
// world afterwards, how soon streams end and who waits is woken, and whether one person has each.
import { createClient, type Client } from '@airworthy/sdk'
import { Client as DatabaseClient } from 'pg'
import { agentClients, type AgentClients, chat } from '../../e2e/harness/clients.ts'
import { startFakeTools } from '../../e2e/harness/fake-tools.ts'
import { startFakeUpstream } from '../../e2e/harness/fake-upstream.ts'
import { at, asRecord } from '../../e2e/harness/json.ts'
import { manifestText } from '../../e2e/harness/manifest.ts'
import { until } from '../../e2e/harness/until.ts'
import { type Airworthy, startAirworthy } from '../airworthy.ts'
import { percentile, round } from '../figures.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const sessionsQuick = 12
const sessionsFull = 60
/** Writes of a session that its two clients have made before it is handed over. */
const writesBefore = 6
/** What an agent that does not listen still asks for. */
const askedAfter = 4
const endMsMax = 1000
const agent = 'handed'

type Round = {
  readonly endMs: number
  readonly wakeMs: number
  readonly refused: number
  readonly wrongCodes: number
  readonly winners: number
  readonly goesOn: boolean
  readonly sessionId: string
}

type Drill = {
  readonly gateways: readonly [Airworthy, Airworthy]
  readonly people: readonly [Client, Client]
  readonly apiKey: string
  readonly asked: () => number
}

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using opened = new AsyncDisposableStack()
  const upstream = opened.use(await startFakeUpstream())
  const tools = opened.use(await startFakeTools())
  const server = opened.use(await startAirworthy())
  const other = opened.use(await startAirworthy({ replicaOf: server }))
  const manifest = manifestText({
    name: agent,
    modelBaseUrl: upstream.base('gated-end', agent),
    toolsUrl: tools.url,
    limits: {
      session: { calls: 100_000, tokens: 100_000_000, moneyUsd: '1000' },
      agent: { calls: 1_000_000, tokens: 1_000_000_000, moneyUsd: '1000' },
      loops: { identical: 0, oscillation: 0 },
    },
  })
  const { apiKey } = await server.client.enrolAgent({ manifest, file: 'agent.json' })
  upstream.gate(agent)
  const { key } = await server.client.addOperator({ name: 'second', role: 'operator' })
  const drill: Drill = {
    gateways: [server, other],
    people: [server.client, createClient({ baseUrl: other.url, key })],
    apiKey: apiKey ?? '',
    asked: () => upstream.asked(agent).length,
  }
  const rounds: Round[] = []
  const count = quick ? sessionsQuick : sessionsFull
  for (let n = 0; n < count; n += 1) {
    rounds.push(await handOverOne(drill, n))
    if ((n + 1) % 10 === 0) log(`${n + 1} of ${count} sessions`)
  }
  const database = new DatabaseClient({ connectionString: server.databaseUrl })
  await database.connect()
  opened.defer(() => database.end())
  const sessionIds = rounds.map((one) => one.sessionId)
  const late = await intentsWhileHandedOver(database, sessionIds)
  const unexplained = await effectsWithoutIntent(database, tools.journal)
  return judge(rounds, { late, unexplained, writes: tools.journal.length })
}

async function handOverOne(drill: Drill, n: number): Promise<Round> {
  const [first, second] = drill.gateways
  const { session, sessionKey } = await first.client.openSession({ agent, endUser: `user-${n}` })
  const { apiKey } = drill
  const clients = [first, second].map(({ url }) => agentClients({ url, apiKey, sessionKey }))
  const [here, there] = clients
  if (here === undefined || there === undefined) throw new Error('an agent has no clients')
  const work = { isOver: false, done: 0 }
  const writing = clients.map((client, index) => writeOn(client, `${n}-${index}`, work))
  const asked = drill.asked()
  const streams = clients.map(async (client) => {
    const { text } = await client.post(chat({ stream: true }))
    return { text, atMs: performance.now() }
  })
  await until('streams and writes', () => drill.asked() >= asked + 2 && work.done >= writesBefore)
  const { id } = await first.client.handOverSession(session.id, { reason: 'drill' })
  const handedMs = performance.now()
  work.isOver = true
  const ended = await Promise.all(streams)
  const endMs = Math.max(...ended.map((one) => one.atMs)) - handedMs
  await Promise.all(writing)
  const codes = await Promise.all(
    Array.from({ length: askedAfter }, async (_, index) => {
      const { value } = await (index % 2 === 0 ? here : there).call('write_order', {
        order_id: `late-${n}-${index}`,
      })
      return at(value, 'code')
    }),
  )
  const poll = pollerOf(second, { apiKey, sessionKey })
  const version = (await poll('')).version
  const hearing = poll(`?wait=30&version=${version}`)
  const takes = await Promise.allSettled(drill.people.map((person) => person.takeHandover(id)))
  const takenMs = performance.now()
  const wakeMs = Math.max(0, (await hearing).atMs - takenMs)
  const winner = drill.people[takes.findIndex((take) => take.status === 'fulfilled')]
  await winner?.callInStead(id, { tool: 'desk/write_order', arguments: { order_id: `p-${n}` } })
  await winner?.readTranscript(id)
  await winner?.giveBack(id)
  const after = await there.call('write_order', { order_id: `after-${n}` })
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
  return {
    endMs,
    wakeMs,
    refused: codes.filter((code) => code === 'session.handed_over').length,
    wrongCodes: ended.filter(({ text }) => !text.includes('session.handed_over')).length,
    winners: takes.filter((take) => take.status === 'fulfilled').length,
    goesOn: !after.isError,
    sessionId: session.id,
  }
}

/** One write after the other, until it is over or refused. */
async function writeOn(
  client: AgentClients,
  name: string,
  work: { isOver: boolean; done: number },
): Promise<void> {
  for (let k = 0; ; k += 1) {
    const { isError } = await client.call('write_order', { order_id: `${name}-${k}` })
    if (isError) return
    work.done += 1
    if (work.isOver) return
  }
}

function pollerOf(server: Airworthy, keys: { apiKey: string; sessionKey: string }) {
  return async (query: string): Promise<{ version: string; atMs: number }> => {
    const url = `${server.url}/s/${keys.sessionKey}/handover${query}`
    const response = await fetch(url, { headers: { authorization: `Bearer ${keys.apiKey}` } })
    const body = asRecord(JSON.parse(await response.text()))
    return { version: String(body['version']), atMs: performance.now() }
  }
}

/** By the log: calls that the agent placed between a hand-over and its return. */
async function intentsWhileHandedOver(
  database: DatabaseClient,
  sessionIds: readonly string[],
): Promise<number> {
  const found = await database.query<{ entry: Buffer }>(
    'SELECT entry FROM airworthy.entries ORDER BY log_id, seq',
  )
  const isAway = new Set<string>()
  const wanted = new Set(sessionIds)
  let late = 0
  for (const { entry } of found.rows) {
    const read: unknown = JSON.parse(entry.toString('utf8'))
    const sessionId = String(at(read, 'session'))
    if (!wanted.has(sessionId)) continue
    const type = at(read, 'type')
    if (type === 'session.handed_over') isAway.add(sessionId)
    if (type === 'handover.returned') isAway.delete(sessionId)
    const isOfAgent = type === 'call.intent' && at(read, 'body.operator') === undefined
    if (isOfAgent && isAway.has(sessionId)) late += 1
  }
  return late
}

/** By the world's own journal: what was done that the record does not have as done. */
async function effectsWithoutIntent(
  database: DatabaseClient,
  journal: readonly { readonly key: string | undefined }[],
): Promise<number> {
  const found = await database.query<{ effect_key: string }>(
    "SELECT effect_key FROM airworthy.effects WHERE state = 'done'",
  )
  const recorded = new Set(found.rows.map((row) => row.effect_key))
  return journal.filter(({ key }) => key === undefined || !recorded.has(key)).length
}

function judge(
  rounds: readonly Round[],
  found: { readonly late: number; readonly unexplained: number; readonly writes: number },
): Figures {
  const endMs = rounds.map((each) => each.endMs)
  const wakeMs = rounds.map((each) => each.wakeMs)
  const refused = rounds.reduce((sum, each) => sum + each.refused, 0)
  const wrongCodes = rounds.reduce((sum, each) => sum + each.wrongCodes, 0)
  const oneWinner = rounds.filter((each) => each.winners === 1).length
  const goOn = rounds.filter((each) => each.goesOn).length
  const endMsP99 = percentile(endMs, 0.99)
  return {
    sessions: rounds.length,
    gateways: 2,
    writesDone: found.writes,
    writesNotOnRecord: found.unexplained,
    callsPlacedWhileHandedOver: found.late,
    refusedAfter: `${refused} of ${rounds.length * askedAfter}`,
    streamsNotEndedAsSuch: wrongCodes,
    streamEndMsP50: round(percentile(endMs, 0.5), 1),
    streamEndMsP99: round(endMsP99, 1),
    wakeMsP99: round(percentile(wakeMs, 0.99), 1),
    takenByOne: oneWinner,
    goOn,
    holds:
      found.late === 0 &&
      found.unexplained === 0 &&
      refused === rounds.length * askedAfter &&
      wrongCodes === 0 &&
      oneWinner === rounds.length &&
      goOn === rounds.length &&
      endMsP99 <= endMsMax,
  }
}
