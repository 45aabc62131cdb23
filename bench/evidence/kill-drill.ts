// Three gateways with 300 open streams and calls in flight are stopped, again and again. The clock
// is the database's; what was dispatched the upstreams' own books say. Then one gateway is stopped
// by a signal, and one cut off from PostgreSQL: a kill waits for its lease, and no longer.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, createClient, type KillDetail, type KillScope } from '@airworthy/sdk'
import { manifestText } from '../../e2e/harness/manifest.ts'
import { startTcpProxy } from '../../e2e/harness/tcp-proxy.ts'
import { startAirworthy } from '../airworthy.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { type Load, startLoad } from './kill-drill/load.ts'
import { startWorld, type World } from './kill-drill/world.ts'

const clientsPerGateway = 100
const streamsMin = 150
const rounds = { quick: 6, full: 40 }
const lost = { quick: 1, full: 5 }
const acknowledgedMsMax = 1000
/** The lease is 3 s; the rest is what looking at it takes. */
const leaseBoundMsMax = 3500
const watchedMs = 1500
const readyWithinMs = 60_000
const agent = 'kill-drill'

type Drill = {
  readonly client: Client
  readonly second: Client
  readonly world: World
  readonly load: Load
  readonly log: (line: string) => void
}

type Round = {
  readonly kind: string
  readonly acknowledgedMs: number | null
  /** From the command to its answer. */
  readonly answeredMs: number
  readonly inFlight: number
  readonly streams: number
  readonly cut: number
  readonly streamsLeft: number
  readonly dispatchedAfter: number
}

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  const size = quick ? 'quick' : 'full'
  await using world = await startWorld()
  await using first = await startAirworthy()
  await using second = await startAirworthy({ replicaOf: first })
  const behind = new URL(first.databaseUrl)
  await using door = await startTcpProxy(Number(behind.port))
  behind.port = String(door.port)
  await using third = await startAirworthy({
    replicaOf: { ...first, databaseUrl: behind.href },
  })
  const { client } = first
  const manifest = manifestText({
    name: agent,
    modelBaseUrl: world.modelUrl,
    toolsUrl: world.toolsUrl,
    modelTimeoutMs: 120_000,
    limits: { concurrency: 1000, session: plenty, agent: plenty },
  })
  const { apiKey } = await client.enrolAgent({ manifest, file: 'kill-drill.json' })
  const { key } = await client.addOperator({ name: 'second', role: 'operator' })
  const load = await startLoad({
    client,
    agent,
    apiKey: apiKey ?? '',
    gateways: [first.url, second.url, third.url],
    clientsPerGateway,
  })
  const drill = {
    client,
    second: createClient({ baseUrl: first.url, key }),
    world,
    load,
    log,
  }
  try {
    const all = await plainRounds(drill, rounds[size])
    const stopped: Round[] = []
    const cutOff: Round[] = []
    for (let at = 0; at < lost[size]; at += 1) {
      stopped.push(
        await killRound(drill, 'organisation', {
          kind: 'stopped by a signal',
          before: () => process.kill(third.pid, 'SIGSTOP'),
          after: () => process.kill(third.pid, 'SIGCONT'),
        }),
      )
      cutOff.push(
        await killRound(drill, 'organisation', {
          kind: 'cut off from PostgreSQL',
          before: () => door.cut(),
          after: () => door.mend(),
        }),
      )
    }
    return figuresOf({ all, stopped, cutOff })
  } finally {
    process.kill(third.pid, 'SIGCONT')
    door.mend()
    await load.stop()
  }
}

const plenty = { calls: 100_000_000, tokens: 1_000_000_000_000, moneyUsd: '1000000' }

async function plainRounds(drill: Drill, count: number): Promise<Round[]> {
  const done: Round[] = []
  for (let at = 0; at < count; at += 1) {
    const scope = at % 2 === 0 ? 'organisation' : 'agent'
    done.push(await killRound(drill, scope, { kind: scope, before: nothing, after: nothing }))
  }
  return done
}

function nothing(): void {
  // All gateways are well.
}

async function killRound(
  drill: Drill,
  scope: KillScope,
  way: { readonly kind: string; readonly before: () => void; readonly after: () => void },
): Promise<Round> {
  const { client, world, load, log } = drill
  await fullLoad(drill)
  way.before()
  const inFlight = load.inFlight()
  const streams = await world.openStreams()
  const began = performance.now()
  const kill = await client.kill({
    scope,
    reason: 'a drill with consequences',
    ...(scope === 'agent' ? { target: agent } : {}),
  })
  const answeredMs = Math.round(performance.now() - began)
  await sleep(watchedMs)
  // Those of a gateway that is stopped or cut off stand still; they are cut when it is back.
  const streamsLeft = await world.openStreams()
  way.after()
  await sleep(watchedMs)
  const acknowledgedMs = Date.parse(kill.acknowledgedAt ?? '')
  const sent = await world.sentAfter(acknowledgedMs + 1)
  for (const { kind, sinceMs, atMs } of sent) {
    log(`a ${kind} call ${sinceMs - acknowledgedMs} to ${atMs - acknowledgedMs} ms after it`)
  }
  const cut = kill.gateways.reduce((sum, gateway) => sum + (gateway.cut ?? 0), 0)
  const round = {
    kind: way.kind,
    acknowledgedMs: kill.latencyMs,
    answeredMs,
    inFlight,
    streams,
    cut,
    streamsLeft,
    dispatchedAfter: kill.acknowledgedAt === null ? Infinity : sent.length,
  }
  log(JSON.stringify(round))
  await resume(drill, kill)
  return round
}

async function resume({ client, second }: Drill, kill: KillDetail): Promise<void> {
  const proposal = await client.resumeKill(kill.id, { reason: 'the drill goes on' })
  await second.confirmProposal(proposal.id)
}

/** Waits until the streams are open and calls end well. */
async function fullLoad({ world, load }: Drill): Promise<void> {
  const deadline = performance.now() + readyWithinMs
  load.takeGood()
  while (performance.now() < deadline) {
    await sleep(200)
    if ((await world.openStreams()) >= streamsMin && load.takeGood() > 0) return
  }
  throw new Error(`the load did not come up: ${await world.openStreams()} streams are open`)
}

function figuresOf(found: {
  readonly all: readonly Round[]
  readonly stopped: readonly Round[]
  readonly cutOff: readonly Round[]
}): Figures {
  const { all, stopped, cutOff } = found
  const times = all.map((round) => round.acknowledgedMs ?? Infinity).toSorted((a, b) => a - b)
  const p99 = times[Math.ceil(times.length * 0.99) - 1] ?? Infinity
  const lateMs = (list: readonly Round[]): number =>
    Math.max(...list.map((round) => round.acknowledgedMs ?? Infinity))
  const dispatchedAfter = [...all, ...stopped, ...cutOff].reduce(
    (sum, round) => sum + round.dispatchedAfter,
    0,
  )
  const checks = {
    'acknowledged within 1 s (p99)': p99 <= acknowledgedMsMax,
    'nothing dispatched after it': dispatchedAfter === 0,
    'every stream cut': all.every((round) => round.streamsLeft === 0),
    'a stopped gateway is waited for no longer than its lease': lateMs(stopped) <= leaseBoundMsMax,
    'and so is one that is cut off': lateMs(cutOff) <= leaseBoundMsMax,
  }
  return {
    holds: Object.values(checks).every(Boolean),
    checks,
    gateways: 3,
    kills: all.length + stopped.length + cutOff.length,
    inFlightMin: Math.min(...all.map((round) => round.inFlight)),
    streamsMin: Math.min(...all.map((round) => round.streams)),
    acknowledgedMs: { p50: times[Math.floor(times.length / 2)], p99, max: times.at(-1) },
    stoppedAcknowledgedMsMax: lateMs(stopped),
    cutOffAcknowledgedMsMax: lateMs(cutOff),
    dispatchedAfter,
  }
}
