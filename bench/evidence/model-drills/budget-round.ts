// One budget, three gateways, hundreds of clients, one gateway killed: what the provider bills stays
// within the limit all the time, and once unknowns are reconciled the rest of it can be spent.
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import type { FakeProvider } from '../../../examples/provider/server.ts'
import type { Airworthy } from '../../airworthy.ts'
import type { Ask } from './ask.ts'
import { callModel, type Access, type Seen } from './call.ts'
import { drawer } from './draw.ts'
import { parse, textAt } from './fields.ts'
import { openAccess } from './ground.ts'
import { judge } from './judge.ts'
import { DrillRecord, findStray, type Stray } from './ledgers.ts'
import { reconcileByBooks, type Reconciled } from './reconcile.ts'

export type Budgeted = {
  readonly name: string
  /** Agents that share the budget, with their keys. */
  readonly agents: readonly {
    readonly name: string
    readonly id: string
    readonly apiKey: string
  }[]
  /** In `unit`. */
  readonly limit: number
  readonly unit: 'tokens' | 'nano_usd'
}

export type RoundGround = {
  readonly provider: FakeProvider
  /** The last one is killed. */
  readonly gateways: readonly Airworthy[]
  readonly record: DrillRecord
  readonly clients: number
  readonly log: (line: string) => void
}

export type RoundFigures = {
  readonly budget: string
  readonly limit: number
  readonly clients: number
  readonly calls: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly malformed: readonly string[]
  readonly killedAt: number
  readonly billedAtEndOfLoad: number
  readonly billedMost: number
  readonly samples: number
  readonly open: number
  readonly stray: Stray
  readonly reconciled: Reconciled
  readonly unknownAfter: number
  readonly billed: number
  readonly usablePercent: number
  readonly settled: string
  readonly holds: boolean
}

/** As the manifest has them. */
export const nanoUsdPerToken = { input: 400, output: 1600 }
export const maxTokens = 96
const replyTokensMin = 20
const replyTokensMore = 70
const killsAtShare = 0.4
const leaversPercent = 4
const leavesWithinMs = 120
const refusalsMax = 6
const waitAfterRefusalMs = 250
const withinMs = 40_000
const sampleMs = 25
const quietWithinMs = 90_000
const spendersAtEnd = 4
const usablePercentMin = 99
const malformedShownMax = 10

export async function runRound(ground: RoundGround, budgeted: Budgeted): Promise<RoundFigures> {
  const { provider, gateways, record, clients, log } = ground
  const { limit, unit } = budgeted
  const pools = gateways.map(({ url }) => new Pool(url, { connections: clients }))
  await using opened = new AsyncDisposableStack()
  for (const pool of pools) opened.defer(() => pool.destroy())
  const accesses = await openSessions(ground, budgeted)
  provider.books.reset()
  provider.setFaults(faultsOf(budgeted.name))
  const state: State = {
    budgeted,
    pools,
    killed: undefined,
    calls: 0,
    outcomes: {},
    malformed: [],
  }
  const over = new AbortController()
  opened.defer(() => over.abort())
  const sampling = sample(provider, unit, over.signal)
  const killing = killMidway(ground, budgeted, { state, over: over.signal })
  await Promise.all(accesses.map((access, index) => spend(state, { access, index })))
  provider.setFaults({ seed: budgeted.name, faults: [] })
  const billedAtEndOfLoad = billedOf(provider, unit)
  log(`${budgeted.name}: ${state.calls} calls, ${billedAtEndOfLoad} of ${limit} ${unit} billed`)
  const agentIds = budgeted.agents.map(({ id }) => id)
  const open = await record.quiet(agentIds, quietWithinMs)
  await waitForRecovery(record, gateways.length - 1)
  const stray = await findStray(record, agentIds)
  const [airworthy] = gateways
  if (airworthy === undefined) throw new Error('there is no gateway')
  const reconciled = await reconcileByBooks({ airworthy, record, provider, agentIds })
  await Promise.all(
    accesses
      .slice(0, spendersAtEnd)
      .map((access, index) => spendToTheEnd(state, { access, index })),
  )
  over.abort()
  const { most, samples } = await sampling
  const killedAt = await killing
  await record.quiet(agentIds, quietWithinMs)
  const after = await findStray(record, agentIds)
  const settled = await settledOf(record, budgeted)
  const found = { killedAt, billedAtEndOfLoad, billedMost: most, samples, open, reconciled }
  const figures = figuresOf(ground, state, { ...found, stray, after, settled })
  log(
    `${budgeted.name}: ${reconciled.calls} calls and ${reconciled.leases} leases reconciled, ` +
      `${figures.usablePercent} % of the limit was usable`,
  )
  return figures
}

type Found = Pick<
  RoundFigures,
  'killedAt' | 'billedAtEndOfLoad' | 'billedMost' | 'samples' | 'open' | 'reconciled' | 'stray'
> & { readonly after: Stray; readonly settled: bigint }

function figuresOf(ground: RoundGround, state: State, found: Found): RoundFigures {
  const { limit, unit } = state.budgeted
  const { after, settled, ...shown } = found
  const billed = billedOf(ground.provider, unit)
  const usablePercent = Math.floor((billed / limit) * 10_000) / 100
  const isNeverOver = found.billedMost <= limit && billed <= limit && settled <= BigInt(limit)
  const isClean =
    found.open === 0 &&
    found.stray.reservedLedgers === 0 &&
    found.stray.unknownDiffers === 0 &&
    after.reservedLedgers + after.unknownDiffers + after.unknownCalls === 0
  return {
    budget: `${limit} ${unit}`,
    limit,
    clients: ground.clients,
    calls: state.calls,
    outcomes: state.outcomes,
    malformed: state.malformed.slice(0, malformedShownMax),
    ...shown,
    unknownAfter: after.unknownCalls,
    billed,
    usablePercent,
    settled: settled.toString(),
    holds:
      isNeverOver &&
      isClean &&
      // What is billed is in the ledgers, to the last token.
      BigInt(billed) <= settled &&
      usablePercent >= usablePercentMin &&
      found.killedAt > 0 &&
      state.malformed.length === 0,
  }
}

type State = {
  readonly budgeted: Budgeted
  readonly pools: readonly Pool[]
  /** The index of the gateway that is gone. */
  killed: number | undefined
  calls: number
  readonly outcomes: Record<string, number>
  readonly malformed: string[]
}

async function openSessions(ground: RoundGround, { agents }: Budgeted): Promise<Access[]> {
  const [airworthy] = ground.gateways
  const accesses: Access[] = []
  for (let index = 0; index < ground.clients; index += 1) {
    const agent = agents[index % agents.length]
    if (airworthy === undefined || agent === undefined) throw new Error('nobody to open for')
    accesses.push(await openAccess(airworthy, { agent: agent.name, apiKey: agent.apiKey }))
  }
  return accesses
}

const rare = (name: string, probability: number) => ({ name, probability })

/** Most calls go well and slowly enough to be under way when their gateway is killed. */
function faultsOf(seed: string): object {
  return {
    seed,
    faults: [
      { name: 'latency', probability: 1, options: { ms: 20, chunkMs: 1 } },
      rare('cut-stream', 0.03),
      rare('reset-before-reply', 0.02),
      rare('usage-missing', 0.03),
      rare('silence-mid-body', 0.01),
      rare('status-500', 0.02),
    ],
  }
}

export function billedOf(provider: FakeProvider, unit: Budgeted['unit']): number {
  const { promptTokens, outputTokens } = provider.books.totals
  if (unit === 'tokens') return promptTokens + outputTokens
  return promptTokens * nanoUsdPerToken.input + outputTokens * nanoUsdPerToken.output
}

async function sample(provider: FakeProvider, unit: Budgeted['unit'], over: AbortSignal) {
  let most = 0
  let samples = 0
  while (!over.aborted) {
    most = Math.max(most, billedOf(provider, unit))
    samples += 1
    await sleep(sampleMs)
  }
  return { most: Math.max(most, billedOf(provider, unit)), samples }
}

/** Gives what was billed when it was killed. */
async function killMidway(
  { provider, gateways }: RoundGround,
  { limit, unit }: Budgeted,
  { state, over }: { readonly state: State; readonly over: AbortSignal },
): Promise<number> {
  while (billedOf(provider, unit) < limit * killsAtShare) {
    await sleep(5)
    if (over.aborted) return 0
  }
  const victim = gateways.at(-1)
  if (victim === undefined) return 0
  process.kill(victim.pid, 'SIGKILL')
  state.killed = gateways.length - 1
  return billedOf(provider, unit)
}

type Spender = { readonly access: Access; readonly index: number }

/** Calls again and again, until it is told several times that the budget is spent. */
async function spend(state: State, { access, index }: Spender): Promise<void> {
  const draw = drawer(index + 1)
  const gateways = state.pools.length
  let at = index % gateways
  for (let refusals = 0; refusals < refusalsMax;) {
    if (at === state.killed) at = (at + 1 + draw(gateways - 1)) % gateways
    const pool = state.pools[at]
    if (pool === undefined) return
    const leavesAfterMs = draw(100) < leaversPercent ? draw(leavesWithinMs) : undefined
    const ask = nextAsk(state, draw)
    const seen = await callModel(pool, access, { ask, withinMs, leavesAfterMs })
    if (isOver(seen)) {
      refusals += 1
      count(state, 'budget.exceeded')
      await sleep(waitAfterRefusalMs)
    } else if (seen.end === 'broken' && at === state.killed) {
      count(state, 'gateway killed')
    } else {
      const { kind, detail } = judge(ask, seen)
      count(state, kind)
      if (kind === 'malformed') state.malformed.push(detail)
      if (seen.status === 0) await sleep(waitAfterRefusalMs)
    }
  }
}

/** After the load: nobody else is there, so a refusal is the end. */
async function spendToTheEnd(state: State, { access, index }: Spender): Promise<void> {
  const draw = drawer(1000 + index)
  const pool = state.pools[0]
  if (pool === undefined) return
  for (let refusals = 0; refusals < 2;) {
    const seen = await callModel(pool, access, { ask: nextAsk(state, draw), withinMs })
    if (isOver(seen)) refusals += 1
    else if (seen.status !== 200) throw new Error(`a last call failed: ${seen.status} ${seen.text}`)
  }
}

function nextAsk(state: State, draw: (below: number) => number): Ask {
  state.calls += 1
  const replyTokens = replyTokensMin + draw(replyTokensMore)
  return {
    api: 'chat',
    model: 'fake',
    user: `${state.budgeted.name}-${state.calls}`,
    stream: draw(2) === 0,
    wanted: { kind: 'tokens', count: replyTokens },
    maxTokens,
  }
}

function isOver({ status, text }: Seen): boolean {
  return status === 429 && textAt(parse(text), 'error.code') === 'budget.exceeded'
}

function count({ outcomes }: State, name: string): void {
  outcomes[name] = (outcomes[name] ?? 0) + 1
}

/** What a dead gateway leased and had under way is unknown once another one has noticed. */
async function waitForRecovery(record: DrillRecord, living: number): Promise<void> {
  const deadlineMs = performance.now() + quietWithinMs
  while ((await record.replicas()) > living) {
    if (performance.now() > deadlineMs) throw new Error('a dead gateway is not recovered')
    await sleep(250)
  }
}

/** What the agents' own ledgers have settled, together. */
async function settledOf(record: DrillRecord, { agents, unit }: Budgeted): Promise<bigint> {
  const ids = new Set(agents.map(({ id }) => id))
  const ledgers = (await record.ledgers()).filter(({ scopeId }) => ids.has(scopeId))
  const at = unit === 'tokens' ? 1 : 2
  return ledgers.reduce((sum, { settled }) => sum + (settled[at] ?? 0n), 0n)
}
