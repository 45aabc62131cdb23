// 200 sessions call at once through two gateways on one database. Their agent has a budget of 100
// calls: exactly 100 may arrive at the upstream, however the load is spread over the two.

import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { startAirworthy, type Airworthy } from '../airworthy.ts'
import { startFakeUpstream, type FakeUpstream } from '../gateway/fake-upstream.ts'
import { benchManifest } from '../gateway/manifest.ts'
import { isRecord, parseObject } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const limit = 100
const sessionsCount = 200
const settleWithinMs = 15_000
const replyWithinMs = 30_000
const requestBody = JSON.stringify({
  model: 'fake',
  messages: [{ role: 'user', content: 'Where is my order?' }],
  max_tokens: 64,
  stream: false,
})

/** How many of the 200 sessions call through the first gateway. */
const shares = [100, 100, 150, 50, 199, 100]

type Answer = { readonly status: number; readonly code: string; readonly isFinal: boolean }
type Caller = { readonly pool: Pool; readonly sessionKey: string; readonly apiKey: string }

type Round = {
  readonly seed: number
  readonly throughFirst: number
  readonly arrived: number
  readonly succeeded: number
  readonly succeededThroughFirst: number
  readonly refused: number
  readonly others: readonly string[]
  readonly budget: Readonly<Record<'settled' | 'reserved' | 'leased' | 'unknown', string>>
  readonly refusedAfterwards: number
  readonly milliseconds: number
  readonly holds: boolean
}

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using upstream = await startFakeUpstream()
  log('starting two gateways on one PostgreSQL')
  await using first = await startAirworthy()
  await using second = await startAirworthy({ replicaOf: first })
  const rounds: Round[] = []
  for (const [index, throughFirst] of (quick ? shares.slice(1) : shares).entries()) {
    const round = await runRound({
      upstream,
      gateways: [first, second],
      seed: index + 1,
      throughFirst,
    })
    log(
      `seed ${round.seed}, ${throughFirst}/${sessionsCount - throughFirst}: ${round.arrived} arrived, ` +
        `${round.succeeded} succeeded (${round.succeededThroughFirst} through the first), ` +
        `${round.refused} refused, ${round.others.length} others, ${round.milliseconds} ms`,
    )
    rounds.push(round)
  }
  return {
    limit,
    sessions: sessionsCount,
    gateways: 2,
    rounds,
    holds: rounds.every((r) => r.holds),
  }
}

type Ground = {
  readonly upstream: FakeUpstream
  readonly gateways: readonly [Airworthy, Airworthy]
  readonly seed: number
  readonly throughFirst: number
}

async function runRound(ground: Ground): Promise<Round> {
  const { upstream, gateways, seed, throughFirst } = ground
  const [first, second] = gateways
  const agent = `shared-budget-${seed}`
  const manifest = benchManifest([{ name: 'fake', baseUrl: `${upstream.url}/delay-20/v1` }], {
    name: agent,
    agentCalls: limit,
  })
  const { apiKey } = await first.client.enrolAgent({ manifest, file: `${agent}.json` })
  if (apiKey === null) throw new Error(`${agent} was enrolled before`)
  const pools = gateways.map((gateway) => new Pool(gateway.url, { connections: sessionsCount }))
  const callers: Caller[] = []
  for (let index = 0; index < sessionsCount; index += 1) {
    const which = index < throughFirst ? 0 : 1
    const { sessionKey } = await (which === 0 ? first : second).client.openSession({ agent })
    const pool = pools[which]
    if (pool !== undefined) callers.push({ pool, sessionKey, apiKey })
  }
  const before = upstream.arrivals()
  const began = performance.now()
  const order = shuffled(callers, seed)
  const answers = await Promise.all(order.map(callOnce))
  const milliseconds = Math.round(performance.now() - began)
  const budget = await settledBudget(first, agent)
  const late = await Promise.all(
    [callers[0], callers.at(-1)].flatMap((one) => (one ? [callOnce(one)] : [])),
  )
  const arrived = upstream.arrivals() - before
  await Promise.all(pools.map((pool) => pool.close()))
  const succeededThroughFirst = order.filter(
    (caller, index) => caller.pool === pools[0] && answers[index]?.status === 200,
  ).length
  return judge({
    seed,
    throughFirst,
    arrived,
    answers,
    late,
    budget,
    succeededThroughFirst,
    milliseconds,
  })
}

function judge(seen: {
  seed: number
  throughFirst: number
  arrived: number
  answers: readonly Answer[]
  late: readonly Answer[]
  budget: Round['budget']
  succeededThroughFirst: number
  milliseconds: number
}): Round {
  const { answers, late, ...rest } = seen
  const succeeded = answers.filter((answer) => answer.status === 200).length
  const refused = answers.filter(isRefusal).length
  const others = answers
    .filter((answer) => answer.status !== 200 && !isRefusal(answer))
    .map((answer) => `${answer.status} ${answer.code}`)
  const refusedAfterwards = late.filter(isRefusal).length
  const { settled, reserved, leased, unknown } = seen.budget
  const isSettled = settled === String(limit) && [reserved, leased, unknown].every((n) => n === '0')
  const isExact = seen.arrived === limit && succeeded === limit && refused === sessionsCount - limit
  const holds = isExact && isSettled && refusedAfterwards === late.length
  return { ...rest, succeeded, refused, others, refusedAfterwards, holds }
}

function isRefusal(answer: Answer): boolean {
  return answer.status === 429 && answer.code === 'budget.exceeded' && answer.isFinal
}

async function callOnce(caller: Caller): Promise<Answer> {
  try {
    const response = await caller.pool.request({
      path: `/s/${caller.sessionKey}/v1/chat/completions`,
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${caller.apiKey}` },
      body: requestBody,
      headersTimeout: replyWithinMs,
      bodyTimeout: replyWithinMs,
    })
    const body = parseObject(await response.body.text())
    const error = isRecord(body?.['error']) ? body['error'] : {}
    return {
      status: response.statusCode,
      code: typeof error['code'] === 'string' ? error['code'] : '',
      // The official client repeats a 429 unless it is told not to.
      isFinal: response.headers['x-should-retry'] === 'false',
    }
  } catch (thrown) {
    // A call without an answer is counted, and the round does not hold.
    return { status: 0, code: String(thrown), isFinal: false }
  }
}

/** The outcome of a call is settled before its last byte, but the row is read when all is quiet. */
async function settledBudget(gateway: Airworthy, agent: string): Promise<Round['budget']> {
  const deadline = performance.now() + settleWithinMs
  for (;;) {
    const { budgets } = await gateway.client.getAgent(agent)
    const budget = budgets.find((one) => one.scope === 'agent' && one.unit === 'calls')
    if (budget === undefined) throw new Error(`${agent} has no budget of calls`)
    const { settled, reserved, leased, unknown } = budget
    const isQuiet = reserved === '0' && leased === '0' && unknown === '0'
    if (isQuiet || performance.now() > deadline) return { settled, reserved, leased, unknown }
    await sleep(100)
  }
}

/** Another order for each seed, the same one every time. */
function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  let state = seed
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
  return items
    .map((item) => ({ item, rank: random() }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}
