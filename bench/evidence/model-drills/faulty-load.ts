// Thousands of calls through a pool of three endpoints while most requests meet a fault, some more
// than one, and some clients leave. Afterwards nothing may be reserved that no call accounts for.
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import type { Ask, ClientApi, Wanted } from './ask.ts'
import { callModel, type Access } from './call.ts'
import { drawer } from './draw.ts'
import { faults } from './fault-cells.ts'
import type { FaultGround } from './fault-matrix.ts'
import { endpointOf, enrolDrill, openAccess } from './ground.ts'
import { judge } from './judge.ts'
import { DrillRecord, findStray, type Stray } from './ledgers.ts'
import { reconcileAll, type Reconciled } from './reconcile.ts'

export type LoadFigures = {
  readonly calls: number
  readonly faultyCalls: number
  readonly faultyRequests: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly malformed: readonly string[]
  readonly open: number
  readonly stray: Stray
  readonly leasedAfterStop: number
  readonly reconciled: Reconciled
  readonly strayAfterReconciling: Stray
  readonly holds: boolean
}

const agent = 'faulty-load'
const seed = 'faulty-load'
const concurrency = 32
/** Of each fault, for each request: of some forty faults about three draw one. */
const probability = 0.05
const leaversPercent = 5
const leavesWithinMs = 60
const timeoutMs = 5000
const silenceMs = 400
const withinMs = timeoutMs + 5000
const quietWithinMs = 20_000
const leasesWithinMs = 20_000
const malformedShownMax = 20
/** Tens of megabytes for nobody. */
const tooDear = new Set(['oversized'])
const apis: readonly ClientApi[] = ['chat', 'responses', 'messages']

export async function runFaultyLoad(ground: FaultGround, faulty: number): Promise<LoadFigures> {
  const { provider, first, loaded, log } = ground
  const { apiKey, agentId } = await enrolDrill(first, { agent, models: [poolModel(provider.url)] })
  provider.books.reset()
  provider.setFaults({
    seed,
    faults: faults
      .filter((name) => !tooDear.has(name))
      .map((name) => ({ name, probability: isSilent(name) ? probability / 3 : probability })),
  })
  const accesses = await Promise.all(
    Array.from({ length: concurrency }, () => openAccess(loaded, { agent, apiKey })),
  )
  const outcomes: Record<string, number> = {}
  const malformed: string[] = []
  let calls = 0
  let isEnough = false
  const pool = new Pool(loaded.url, { connections: concurrency })
  const worker = async (access: Access, index: number): Promise<void> => {
    const draw = drawer(index + 1)
    while (!isEnough) {
      calls += 1
      if (calls % 50 === 0) isEnough = faultyUsers(ground) >= faulty
      const ask = drawAsk(draw, `load-${calls}`)
      const isLeaver = draw(100) < leaversPercent
      const leavesAfterMs = isLeaver ? draw(leavesWithinMs) : undefined
      const seen = await callModel(pool, access, { ask, withinMs, leavesAfterMs })
      const { kind, detail } = judge(ask, seen)
      outcomes[kind] = (outcomes[kind] ?? 0) + 1
      if (kind === 'malformed') malformed.push(`${ask.api} ${ask.stream}: ${detail}`)
    }
  }
  await Promise.all(accesses.map(worker))
  const faultyCalls = faultyUsers(ground)
  const faultyRequests = provider.books.entries().filter((entry) => entry.faults.length > 0).length
  provider.setFaults({ seed, faults: [] })
  await pool.close()
  for (const line of malformed.slice(0, malformedShownMax)) log(`malformed: ${line}`)
  log(`${calls} calls, ${faultyCalls} of them met a fault: ${JSON.stringify(outcomes)}`)
  await using record = await DrillRecord.open(first.databaseUrl)
  const open = await record.quiet([agentId], quietWithinMs)
  const stray = await findStray(record, [agentId])
  await loaded.stop()
  const leasedAfterStop = await waitForLeases(record, agentId)
  const reconciled = await reconcileAll(first, 'worst')
  const strayAfterReconciling = await findStray(record, [agentId])
  const isClean =
    open === 0 && stray.reservedLedgers === 0 && stray.unknownDiffers === 0 && leasedAfterStop === 0
  const { unknownCalls, unknownDiffers } = strayAfterReconciling
  return {
    calls,
    faultyCalls,
    faultyRequests,
    outcomes,
    malformed: malformed.slice(0, malformedShownMax),
    open,
    stray,
    leasedAfterStop,
    reconciled,
    strayAfterReconciling,
    holds: malformed.length === 0 && isClean && unknownCalls === 0 && unknownDiffers === 0,
  }
}

function isSilent(name: string): boolean {
  return name.startsWith('silence')
}

/** Calls of which a request met a fault. */
function faultyUsers({ provider }: FaultGround): number {
  const users = new Set<string>()
  for (const entry of provider.books.entries()) if (entry.faults.length > 0) users.add(entry.user)
  return users.size
}

function drawAsk(draw: (below: number) => number, user: string): Ask {
  const text = `The pilot of ${user} reads back heading ${draw(360)}, level ${draw(400)}.`
  const wanted: Wanted =
    draw(3) === 0
      ? { kind: 'tool', arguments: { city: `City ${draw(1000)}`, days: [draw(7)] } }
      : { kind: 'text', text }
  const api = apis[draw(apis.length)] ?? 'chat'
  return { api, model: 'pool', user, stream: draw(2) === 0, wanted }
}

function poolModel(providerUrl: string) {
  const at = (name: string) => ({
    name,
    providerUrl: `${providerUrl}/at/${name}`,
    upstreamModel: 'fake',
  })
  const openai = endpointOf('openai-chat', at('first'))
  return {
    name: 'pool',
    endpoints: [
      { ...openai, apis: ['chat', 'responses'] },
      endpointOf('openai-chat', at('second')),
      { ...endpointOf('anthropic', at('third')), tier: 1 },
    ],
    retries: { attempts: 3, baseDelayMs: 10, maxDelayMs: 100, retryAfterMaxMs: 300 },
    timeoutMs,
    firstByteTimeoutMs: silenceMs,
    idleTimeoutMs: silenceMs,
  }
}

/** How many of the agent's ledgers still lend to somebody. */
async function waitForLeases(record: DrillRecord, agentId: string): Promise<number> {
  const deadlineMs = performance.now() + leasesWithinMs
  for (;;) {
    const { leasedLedgers } = await findStray(record, [agentId])
    if (leasedLedgers === 0 || performance.now() > deadlineMs) return leasedLedgers
    await sleep(250)
  }
}
