// A gateway under a load of all kinds for a quarter of an hour: its memory stays flat, which is to say
// that no slope can be told from noise, and when the load is over nothing is open that was not
// before.
import { setTimeout as sleep } from 'node:timers/promises'
import { startFakeProvider, type FakeProvider } from '../../examples/provider/server.ts'
import { startAirworthy, type Airworthy } from '../airworthy.ts'
import { round } from '../figures.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { enrolDrill, keyVariable, providerKey } from './model-drills/ground.ts'
import { DrillRecord, findStray } from './model-drills/ledgers.ts'
import { mixedModels, startMixedLoad } from './model-drills/mixed-load.ts'
import { type OpenHandles, openHandles, residentMb } from './model-drills/process-state.ts'
import { fitSlope, meansOf } from './model-drills/slope.ts'

const agent = 'gateway-soak'
const soakMs = { quick: 90_000, full: 900_000 }
const warmUpMs = { quick: 45_000, full: 180_000 }
const sampleMs = 500
/** Close samples are not independent: memory goes up and down with the collector. */
const stretches = 12
/** Student's t at 10 degrees of freedom: 2.5 % of level lines look steeper than that. */
const standardErrorsMax = 2.23
const quietWithinMs = 20_000
const minuteMs = 60_000
/**
 * As in a small container. On a large machine the collector lets the old generation grow for minutes
 * before it looks at it, and a slope would say nothing of what is kept.
 */
const heapMb = 256

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  const size = quick ? 'quick' : 'full'
  await using provider = await startFakeProvider()
  const env = {
    [keyVariable]: providerKey,
    NODE_OPTIONS: `--max-old-space-size=${heapMb}`,
  }
  await using airworthy = await startAirworthy({ env })
  await using record = await DrillRecord.open(airworthy.databaseUrl)
  const models = mixedModels(provider.url)
  const { apiKey, agentId } = await enrolDrill(airworthy, { agent, models })
  const ground = { airworthy, provider, agent, apiKey }
  log(`warming up for ${warmUpMs[size] / 1000} s`)
  const warmUp = startMixedLoad({ ...ground, seed: 1 })
  await sleep(warmUpMs[size])
  await warmUp.stop()
  const before = await leastHandles({ ...ground, enough: 0 })
  log(`${before.all} handles are open, ${before.sockets} of them sockets; the load goes on`)
  const load = startMixedLoad({ ...ground, seed: 2 })
  const samples = await sampleMemory(airworthy.pid, soakMs[size])
  await load.stop()
  const after = await leastHandles({ ...ground, enough: before.all })
  const open = await record.quiet([agentId], quietWithinMs)
  const stray = await findStray(record, [agentId])
  const { slope, standardError } = fitSlope(meansOf(samples, stretches))
  const isFlat = slope <= standardErrorsMax * standardError
  const calls = Object.values(load.outcomes).reduce((sum, count) => sum + count, 0)
  log(
    `${calls} calls, ${round(slope, 2)} MB/min with a standard error of ` +
      `${round(standardError, 2)}; ${after.all} handles, ${after.sockets} sockets`,
  )
  return {
    minutes: soakMs[size] / minuteMs,
    calls,
    outcomes: load.outcomes,
    malformed: load.malformed.slice(0, 10),
    slopeMbPerMinute: round(slope, 3),
    standardError: round(standardError, 3),
    startMb: round(samples[0]?.[1] ?? 0, 1),
    endMb: round(samples.at(-1)?.[1] ?? 0, 1),
    memoryMb: meansOf(samples, stretches).map(([, mb]) => round(mb, 1)),
    handles: { before, after },
    open,
    stray,
    holds:
      isFlat &&
      load.malformed.length === 0 &&
      after.all <= before.all &&
      open === 0 &&
      stray.reservedLedgers === 0 &&
      stray.unknownDiffers === 0,
  }
}

/** Minutes and MB. */
async function sampleMemory(pid: number, forMs: number): Promise<[number, number][]> {
  const startedMs = performance.now()
  const samples: [number, number][] = []
  for (;;) {
    const elapsedMs = performance.now() - startedMs
    if (elapsedMs > forMs) return samples
    samples.push([elapsedMs / minuteMs, await residentMb(pid)])
    await sleep(sampleMs)
  }
}

/**
 * The fewest that are open while nothing is asked, or the first count that is few enough. The
 * provider closes its connections.
 */
async function leastHandles(given: {
  readonly provider: FakeProvider
  readonly airworthy: Airworthy
  readonly enough: number
}): Promise<OpenHandles> {
  const { provider, airworthy, enough } = given
  const look = () => openHandles(airworthy.pid, airworthy.databaseUrl)
  await provider.setConnections('reset')
  await provider.setConnections('ok')
  const deadlineMs = performance.now() + quietWithinMs
  let least = await look()
  while (least.all > enough && performance.now() < deadlineMs) {
    await sleep(250)
    const now = await look()
    if (now.all < least.all) least = now
  }
  return least
}
