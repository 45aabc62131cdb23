// SIGKILL of the gateway, or of the tool server, at every boundary of a step and of an undo, with
// failures before and after effects: many runs wait at the boundary, one kill meets them all. The
// tools' own journal says what is in the world.
import { setTimeout as sleep } from 'node:timers/promises'
import { lockLog } from '../../e2e/harness/locks.ts'
import type { JournalLine } from '../../e2e/harness/step-tools.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { type AgentEnd, runAgent } from './saga/agent.ts'
import { awaitRun, type SagaGround, type SagaSession, standSagaGround } from './saga/ground.ts'
import {
  backward,
  type Boundary,
  forward,
  type Scenario,
  stepsOfRun,
  type Victim,
} from './saga/scenarios.ts'

const victims: readonly Victim[] = ['gateway', 'tool server']
const boundaries: readonly Boundary[] = ['intent', 'arrived', 'before', 'after', 'settle']
const gatherWithinMs = 60_000
const endWithinMs = 120_000

type Wave = {
  readonly boundary: Boundary
  readonly victim: Victim
  readonly scenarios: readonly Scenario[]
}

type Verdict = {
  readonly scenario: string
  readonly state: string
  readonly world: 'all' | 'nothing' | 'HALF'
  readonly doneTwice: number
  readonly undoneTwice: number
}

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using ground = await standSagaGround()
  const verdicts: (Verdict & Pick<Wave, 'boundary' | 'victim'>)[] = []
  const waves = quick ? quickWaves() : allWaves()
  let kills = 0
  for (const wave of waves) {
    const began = performance.now()
    const found = await runWave(ground, wave)
    kills += 1
    verdicts.push(...found.map((one) => ({ ...one, ...kindOf(wave) })))
    const half = found.filter(isBad).length
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    log(
      `${wave.victim} killed, ${wave.scenarios[0]?.isUndo === true ? 'undo' : 'step'} ` +
        `${wave.boundary}: ${found.length} runs, ${count(found, 'all')} all, ` +
        `${count(found, 'nothing')} nothing, ${half} bad (${seconds} s)`,
    )
  }
  const record = await ground.client.getLog()
  const bad = verdicts.filter(isBad)
  const isRecordWhole =
    record.gaps + record.agentGaps + record.brokenLinks + record.callsWithoutOutcome === 0
  return {
    kills,
    runs: verdicts.length,
    all: count(verdicts, 'all'),
    nothing: count(verdicts, 'nothing'),
    half: count(verdicts, 'HALF'),
    stuck: verdicts.filter((one) => !isOver(one.state)).length,
    effectsMoreThanOnce: sum(verdicts, (one) => one.doneTwice),
    undosMoreThanOnce: sum(verdicts, (one) => one.undoneTwice),
    callsWithoutOutcome: record.callsWithoutOutcome,
    bad: bad.slice(0, 20),
    holds: bad.length === 0 && isRecordWhole && verdicts.length > 0,
  }
}

function kindOf({ boundary, victim }: Wave): Pick<Wave, 'boundary' | 'victim'> {
  return { boundary, victim }
}

function allWaves(): Wave[] {
  const steps = victims.flatMap((victim) =>
    boundaries.map((boundary) => ({ victim, boundary, scenarios: forward(boundary) })),
  )
  const undos = victims.flatMap((victim) =>
    boundaries
      .filter((boundary) => boundary !== 'intent')
      .map((boundary) => ({ victim, boundary, scenarios: backward() })),
  )
  return [...steps, ...undos]
}

function quickWaves(): Wave[] {
  return [
    { victim: 'gateway', boundary: 'before', scenarios: forward('before', [1, 3]) },
    { victim: 'gateway', boundary: 'settle', scenarios: forward('settle', [5]) },
    { victim: 'tool server', boundary: 'after', scenarios: forward('after', [2, 5]) },
    { victim: 'gateway', boundary: 'after', scenarios: backward() },
    { victim: 'tool server', boundary: 'before', scenarios: backward() },
  ]
}

type Flight = {
  readonly scenario: Scenario
  readonly session: SagaSession
  /** Opened when the process is about to die: the agent asks then, and not before. */
  readonly gate: PromiseWithResolvers<void>
  isWaiting: boolean
  end: AgentEnd | undefined
}

async function runWave(ground: SagaGround, wave: Wave): Promise<Verdict[]> {
  const flights: Flight[] = []
  for (const scenario of wave.scenarios) {
    const session = await ground.openSession()
    const gate = Promise.withResolvers<void>()
    flights.push({ scenario, session, gate, isWaiting: false, end: undefined })
  }
  await ground.tools.plan(flights.map((flight) => planOf(wave, flight, true)))
  const flying = flights.map((flight) => fly(ground, wave, flight))
  await gather(ground, flights)
  await kill(ground, wave, flights)
  await Promise.all(flying)
  await abortWhatWasLeft(ground, flights)
  const verdicts: Verdict[] = []
  for (const flight of flights) verdicts.push(await judge(ground, flight))
  return verdicts
}

function planOf(wave: Wave, { scenario, session }: Flight, isParked: boolean) {
  const { boundary } = wave
  const tool = scenario.isUndo ? 'unstep' : 'step'
  // Until it has answered, a call that is to be settled waits behind its effect.
  const place = boundary === 'settle' ? 'after' : boundary
  const park = place === 'intent' ? undefined : { tool, n: scenario.at, place }
  return {
    session: session.id,
    faults: scenario.faults,
    ...(isParked && park !== undefined ? { park } : {}),
  }
}

async function fly(ground: SagaGround, wave: Wave, flight: Flight): Promise<void> {
  const { scenario, session, gate } = flight
  flight.end = await runAgent({
    session,
    comesBack: scenario.comesBack,
    mayStep: async (n) => {
      if (scenario.abortBefore === n) {
        await abort(ground, session)
        return false
      }
      if (wave.boundary === 'intent' && n === scenario.at) {
        flight.isWaiting = true
        await gate.promise
      }
      return true
    },
  })
}

async function abort(ground: SagaGround, session: SagaSession): Promise<void> {
  const { runs } = await ground.client.listRuns({ session: session.id })
  for (const each of runs) {
    if (each.state === 'open') await ground.client.abortRun(each.id)
  }
}

/** Waits until every run stands at the boundary. */
async function gather(ground: SagaGround, flights: readonly Flight[]): Promise<void> {
  const deadline = performance.now() + gatherWithinMs
  for (;;) {
    const { parked } = await ground.tools.look()
    const there = new Set(parked)
    const away = flights.filter((one) => !there.has(one.session.id) && !one.isWaiting)
    if (away.length === 0) return
    if (performance.now() > deadline) {
      const names = away.map((one) => `${one.scenario.name} (${one.end ?? 'under way'})`)
      throw new Error(`${away.length} runs did not get to the boundary: ${names[0] ?? ''}`)
    }
    await sleep(50)
  }
}

async function kill(ground: SagaGround, wave: Wave, flights: readonly Flight[]): Promise<void> {
  if (wave.victim === 'gateway') await killGateway(ground, wave, flights)
  else await killTools(ground, wave, flights)
}

async function killGateway(
  ground: SagaGround,
  wave: Wave,
  flights: readonly Flight[],
): Promise<void> {
  const { tools } = ground
  const abandoned = flights.flatMap((one) => (one.scenario.isAbandoned ? [one.session.id] : []))
  if (wave.boundary === 'intent' || wave.boundary === 'settle') {
    await using locked = await lockLog(ground.databaseUrl)
    const before = (await tools.look()).replies
    if (wave.boundary === 'intent') for (const { gate } of flights) gate.resolve()
    else await tools.release()
    await locked.awaited()
    const answered = before + flights.length
    while (wave.boundary === 'settle' && (await tools.look()).replies < answered) await sleep(20)
    await ground.killGateway()
  } else {
    await ground.killGateway()
    await tools.release(abandoned)
  }
  await ground.startGateway()
}

async function killTools(
  ground: SagaGround,
  wave: Wave,
  flights: readonly Flight[],
): Promise<void> {
  const { tools } = ground
  if (wave.boundary === 'settle') await tools.release()
  await tools.kill()
  await tools.start()
  await tools.plan(flights.map((flight) => planOf(wave, flight, false)))
  for (const { gate } of flights) gate.resolve()
}

async function abortWhatWasLeft(ground: SagaGround, flights: readonly Flight[]): Promise<void> {
  for (const { session, end } of flights) {
    if (end === 'gone') await abort(ground, session)
  }
}

async function judge(ground: SagaGround, { scenario, session }: Flight): Promise<Verdict> {
  const detail = await awaitRun(ground.client, session.id, endWithinMs)
  const journal = (await ground.tools.journal()).filter((line) => line.session === session.id)
  const done = journal.filter((line) => line.kind === 'done')
  const undone = journal.filter((line) => line.kind === 'undone')
  const standing = new Set(done.map((line) => line.key))
  for (const { key } of undone) standing.delete(key)
  const world = standing.size === 0 ? 'nothing' : standing.size === stepsOfRun ? 'all' : 'HALF'
  const state = detail?.run.state ?? 'never begun'
  const isAsSaid = state === 'completed' ? world === 'all' : world === 'nothing'
  return {
    scenario: scenario.name,
    state,
    world: isAsSaid ? world : 'HALF',
    doneTwice: repeats(done, (line) => String(line.n)),
    undoneTwice: repeats(undone, (line) => line.key),
  }
}

function repeats(lines: readonly JournalLine[], nameOf: (line: JournalLine) => string): number {
  return lines.length - new Set(lines.map(nameOf)).size
}

function isOver(state: string): boolean {
  return state === 'completed' || state === 'compensated' || state === 'never begun'
}

function isBad(verdict: Verdict): boolean {
  const { world, state, doneTwice, undoneTwice } = verdict
  return world === 'HALF' || !isOver(state) || doneTwice > 0 || undoneTwice > 0
}

function count(verdicts: readonly Verdict[], world: Verdict['world']): number {
  return verdicts.filter((one) => one.world === world).length
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
