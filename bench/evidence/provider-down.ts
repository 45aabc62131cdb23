// Providers go down under load: they reset every connection, refuse them, or take them and say
// nothing. Two endpoints are one provider's, on the client's wire; the next tier is another provider's, on
// another wire. No client may see an error, the slowest may wait one timeout more, what is down is
// out of traffic within five seconds and back within ten of its recovery.
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { type FakeProvider, startFakeProvider } from '../../examples/provider/server.ts'
import { startAirworthy, type Airworthy } from '../airworthy.ts'
import { percentile } from '../figures.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import type { Ask } from './model-drills/ask.ts'
import { callModel } from './model-drills/call.ts'
import {
  endpointOf,
  enrolDrill,
  keyVariable,
  openAccess,
  providerKey,
} from './model-drills/ground.ts'
import { judge } from './model-drills/judge.ts'

const clients = 32
const pauseMs = 200
const firstByteTimeoutMs = 1000
const ejectedWithinMs = 5000
const backWithinMs = 10_000
const withinMs = 20_000
const pollMs = 50
/** The first calls compile what they run. */
const warmUpMs = 3000
const wellMs = 4000
/** Of a wait that ends by a timer, on a machine that does something else, too. */
const timerSlackMs = 100
/** A reply takes its time, so that calls are under way when the connections break. */
const latency = { name: 'latency', probability: 1, options: { ms: 10 } }

const plans = [
  { way: 'reset', down: ['left'] },
  { way: 'refuse', down: ['left'] },
  { way: 'silent', down: ['left'] },
  { way: 'reset', down: ['left', 'right'] },
] as const

type Plan = (typeof plans)[number]
type Name = 'left' | 'right' | 'other'
type Providers = Readonly<Record<Name, FakeProvider>>
type Reply = {
  readonly atMs: number
  readonly tookMs: number
  readonly error: string | undefined
  readonly endpoint: string
}

type Drill = {
  readonly way: Plan['way']
  readonly down: readonly Name[]
  readonly calls: number
  readonly errors: readonly string[]
  readonly firstCallOk: boolean
  readonly p99WellMs: number
  readonly p99DownMs: number
  readonly p99AddedMs: number
  readonly ejectedMs: number | null
  readonly servedWhileDown: Readonly<Record<string, number>>
  readonly backMs: number | null
  readonly holds: boolean
}

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using airworthy = await startAirworthy({ env: { [keyVariable]: providerKey } })
  const drills: Drill[] = []
  for (const plan of plans) {
    const drill = await runDrill(airworthy, plan, quick ? 6000 : 15_000)
    drills.push(drill)
    log(
      `${plan.way} of ${plan.down.join(' and ')}: ${drill.calls} calls, ` +
        `${drill.errors.length} errors, p99 ${drill.p99WellMs} -> ${drill.p99DownMs} ms, ` +
        `ejected after ${drill.ejectedMs} ms, back after ${drill.backMs} ms, ` +
        `meanwhile ${JSON.stringify(drill.servedWhileDown)}`,
    )
  }
  const holds = drills.every((drill) => drill.holds)
  return { clients, firstByteTimeoutMs, ejectedWithinMs, backWithinMs, drills, holds }
}

async function runDrill(airworthy: Airworthy, plan: Plan, downMs: number): Promise<Drill> {
  await using left = await startFakeProvider()
  await using right = await startFakeProvider()
  await using other = await startFakeProvider()
  const providers: Providers = { left, right, other }
  for (const each of [left, right, other]) each.setFaults({ faults: [latency] })
  const call = await enrol(airworthy, { agent: `down-${plan.way}-${plan.down.length}`, providers })
  const replies: Reply[] = []
  const stopping = new AbortController()
  const load = Array.from({ length: clients }, async (_each, index) => {
    await sleep((pauseMs / clients) * index)
    while (!stopping.signal.aborted) {
      replies.push(await call())
      await sleep(pauseMs)
    }
  })
  const startedMs = performance.now()
  await sleep(warmUpMs + wellMs)
  const downAtMs = performance.now()
  await Promise.all(plan.down.map((name) => providers[name].setConnections(plan.way)))
  const ejectedMs = await measure(downAtMs, ejectedWithinMs * 2, async () => {
    const out = await outOfTraffic(airworthy)
    return plan.down.every((name) => out.has(`${providers[name].url}/openai/v1`))
  })
  await sleep(Math.max(0, downAtMs + downMs - performance.now()))
  const upAtMs = performance.now()
  await Promise.all(plan.down.map((name) => providers[name].setConnections('ok')))
  const backMs = await measure(upAtMs, backWithinMs * 2, () =>
    plan.down.every((name) =>
      replies.some(
        ({ atMs, error, endpoint }) => atMs >= upAtMs && error === undefined && endpoint === name,
      ),
    ),
  )
  await sleep(1000)
  stopping.abort()
  await Promise.all(load)
  const fromMs = startedMs + warmUpMs
  return judgeDrill({ plan, replies, fromMs, downAtMs, upAtMs, ejectedMs, backMs })
}

function judgeDrill(found: {
  readonly plan: Plan
  readonly replies: readonly Reply[]
  readonly fromMs: number
  readonly downAtMs: number
  readonly upAtMs: number
  readonly ejectedMs: number | null
  readonly backMs: number | null
}): Drill {
  const { plan, replies, fromMs, downAtMs, upAtMs, ejectedMs, backMs } = found
  const well = replies.filter(({ atMs }) => atMs >= fromMs && atMs < downAtMs)
  const down = replies
    .filter(({ atMs }) => atMs >= downAtMs && atMs < upAtMs)
    .toSorted((a, b) => a.atMs - b.atMs)
  const errors = replies.flatMap(({ error }) => error ?? [])
  const p99WellMs = p99(well)
  const p99DownMs = p99(down)
  const p99AddedMs = Math.max(0, p99DownMs - p99WellMs)
  const firstCallOk = down[0] !== undefined && down[0].error === undefined
  const served = Object.groupBy(down, ({ endpoint }) => endpoint)
  const servedWhileDown = Object.fromEntries(
    Object.entries(served).map(([name, list]) => [name, list?.length ?? 0]),
  )
  // With one of two down the other one serves, and nobody needs the next tier for long.
  const next = plan.down.length === 2 ? 'other' : 'right'
  const isServed = (servedWhileDown[next] ?? 0) >= down.length * 0.9
  const holds =
    errors.length === 0 &&
    firstCallOk &&
    isServed &&
    p99AddedMs <= firstByteTimeoutMs + timerSlackMs &&
    ejectedMs !== null &&
    ejectedMs <= ejectedWithinMs &&
    backMs !== null &&
    backMs <= backWithinMs
  return {
    way: plan.way,
    down: plan.down,
    calls: replies.length,
    errors: errors.slice(0, 5),
    firstCallOk,
    p99WellMs,
    p99DownMs,
    p99AddedMs,
    ejectedMs,
    servedWhileDown,
    backMs,
    holds,
  }
}

/** How long it took from `fromMs` until the answer is yes; null when it never was. */
async function measure(
  fromMs: number,
  withinMsMax: number,
  ask: () => boolean | Promise<boolean>,
): Promise<number | null> {
  while (performance.now() - fromMs < withinMsMax) {
    if (await ask()) return Math.round(performance.now() - fromMs)
    await sleep(pollMs)
  }
  return null
}

async function outOfTraffic(airworthy: Airworthy): Promise<Set<string>> {
  const { upstreams } = await airworthy.client.listUpstreams()
  return new Set(
    upstreams.filter(({ state }) => state !== 'closed').map(({ upstream }) => upstream),
  )
}

function p99(replies: readonly Reply[]): number {
  return Math.round(
    percentile(
      replies.map(({ tookMs }) => tookMs),
      0.99,
    ),
  )
}

/** Enrols an agent whose model has all three; gives what makes one call. */
async function enrol(
  airworthy: Airworthy,
  given: { readonly agent: string; readonly providers: Providers },
): Promise<() => Promise<Reply>> {
  const { agent, providers } = given
  const at = (name: Name) => ({ name, providerUrl: providers[name].url, upstreamModel: 'fake' })
  const model = {
    name: 'fake',
    endpoints: [
      endpointOf('openai-chat', at('left')),
      endpointOf('openai-chat', at('right')),
      { ...endpointOf('anthropic', at('other')), tier: 1 },
    ],
    timeoutMs: withinMs - 5000,
    firstByteTimeoutMs,
  }
  const { apiKey } = await enrolDrill(airworthy, { agent, models: [model] })
  const access = await openAccess(airworthy, { agent, apiKey })
  const pool = new Pool(airworthy.url, { connections: clients })
  let calls = 0
  return async () => {
    calls += 1
    const text = `Call number ${calls} is answered.`
    const ask: Ask = {
      api: 'chat',
      model: 'fake',
      user: `${agent}-${calls}`,
      stream: false,
      wanted: { kind: 'text', text },
    }
    const atMs = performance.now()
    const seen = await callModel(pool, access, { ask, withinMs })
    const { kind, detail } = judge(ask, seen)
    const endpoint = seen.headers['airworthy-endpoint'] ?? ''
    const error = kind === 'whole' ? undefined : `${kind}: ${detail}`
    return { atMs, tookMs: seen.tookMs, error, endpoint }
  }
}
