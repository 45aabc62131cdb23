// Runs the rounds: every cell of the table, every target in it one after the other, round by round,
// so that a slow minute of the machine hits all of them.

import { fileURLToPath } from 'node:url'
import { numberField, runProgram } from '../processes.ts'
import type { BenchDatabase } from './database.ts'
import type { FirstByteFigures, FirstBytePlan } from './first-byte.ts'
import type { LoadFigures, LoadPlan } from './load.ts'
import { peakMemoryMb, processorSeconds } from './process-figures.ts'
import type { Kind, Pace, Target, TargetName } from './targets.ts'

export type RoundsPlan = {
  readonly rounds: number
  readonly connections: readonly number[]
  readonly kinds: readonly Kind[]
  readonly warmUpSeconds: number
  readonly seconds: number
  readonly firstByteSamples: number
  readonly commitSamples: number
}

export type Cell = { readonly kind: Kind; readonly pace: Pace; readonly connections: number }

export type LoadSample = Cell &
  LoadFigures & {
    readonly round: number
    readonly target: TargetName
    /** Processor time of the target's own process, a reply. */
    readonly processorMicros: number
  }

export type FirstByteSample = FirstByteFigures & {
  readonly round: number
  readonly target: TargetName
}

export type RoundsResult = {
  readonly commitMsP50: readonly number[]
  readonly loads: readonly LoadSample[]
  readonly firstBytes: readonly FirstByteSample[]
  readonly peakMemoryMb: Readonly<Partial<Record<TargetName, number>>>
  /** Everything that was not a good reply. Empty, or the result proves nothing. */
  readonly failures: readonly string[]
}

type Ground = {
  readonly targets: readonly Target[]
  readonly database: BenchDatabase
  readonly log: (line: string) => void
}

const here = fileURLToPath(new URL('./', import.meta.url))
const delayedConnections = 16

export function cellsOf(plan: RoundsPlan): readonly Cell[] {
  const plain = plan.kinds.flatMap((kind) =>
    plan.connections.map((connections): Cell => ({ kind, pace: 'plain', connections })),
  )
  return [...plain, { kind: 'json', pace: 'delay-50', connections: delayedConnections }]
}

export async function runRounds(plan: RoundsPlan, ground: Ground): Promise<RoundsResult> {
  const commitMsP50: number[] = []
  const loads: LoadSample[] = []
  const firstBytes: FirstByteSample[] = []
  await warmUp(plan, ground)
  for (let round = 1; round <= plan.rounds; round += 1) {
    commitMsP50.push(await ground.database.commitMsP50(plan.commitSamples))
    for (const cell of cellsOf(plan)) {
      for (const target of inTurn(ground.targets, round)) {
        await ground.database.settle()
        const sample = { round, ...(await runLoad(plan, cell, target)) }
        ground.log(describe(sample, plan.rounds))
        loads.push(sample)
      }
    }
    for (const target of inTurn(ground.targets, round)) {
      await ground.database.settle()
      const figures = await runFirstByte(plan, target)
      ground.log(`round ${round}: first byte of ${target.name} ${figures.firstByteMsP50} ms`)
      firstBytes.push({ round, target: target.name, ...figures })
    }
  }
  return {
    commitMsP50,
    loads,
    firstBytes,
    peakMemoryMb: await memoryOf(ground.targets),
    failures: failuresOf(loads, firstBytes),
  }
}

/** Code that was never run is compiled on the first calls: those are nobody's figures. */
async function warmUp(plan: RoundsPlan, ground: Ground): Promise<void> {
  for (const kind of plan.kinds) {
    for (const target of ground.targets) {
      ground.log(`warming up ${target.name}, ${kind}`)
      await runLoad(plan, { kind, pace: 'plain', connections: 32 }, target)
    }
  }
}

/** Each round another target begins. */
function inTurn(targets: readonly Target[], round: number): readonly Target[] {
  const first = round % targets.length
  return [...targets.slice(first), ...targets.slice(0, first)]
}

async function runLoad(plan: RoundsPlan, cell: Cell, target: Target) {
  const request = target.request(cell.kind, cell.pace)
  const { warmUpSeconds, seconds } = plan
  const { connections } = cell
  const load: LoadPlan = { origin: target.origin, request, connections, warmUpSeconds, seconds }
  const before = await processorSeconds(target.pid)
  const figures = parseLoad(
    await runProgram({ name: 'load', args: [`${here}load.ts`, JSON.stringify(load)] }),
  )
  const spent = (await processorSeconds(target.pid)) - before
  const answered = figures.answered + figures.answeredWarmingUp
  const processorMicros = Math.round((spent * 1e6) / Math.max(1, answered))
  return { ...cell, ...figures, target: target.name, processorMicros }
}

async function runFirstByte(plan: RoundsPlan, target: Target): Promise<FirstByteFigures> {
  const request = target.request('sse', 'gap-1')
  const samples = plan.firstByteSamples
  const firstByte: FirstBytePlan = { origin: target.origin, request, warmUp: 20, samples }
  return parseFirstByte(
    await runProgram({
      name: 'first byte',
      args: [`${here}first-byte.ts`, JSON.stringify(firstByte)],
    }),
  )
}

function parseLoad(record: Record<string, unknown>): LoadFigures {
  return {
    requestsPerSecond: numberField(record, 'requestsPerSecond'),
    latencyMsP50: numberField(record, 'latencyMsP50'),
    latencyMsP99: numberField(record, 'latencyMsP99'),
    answered: numberField(record, 'answered'),
    answeredWarmingUp: numberField(record, 'answeredWarmingUp'),
    failed: numberField(record, 'failed'),
    bytesPerReply: numberField(record, 'bytesPerReply'),
  }
}

function parseFirstByte(record: Record<string, unknown>): FirstByteFigures {
  return {
    firstByteMsP50: numberField(record, 'firstByteMsP50'),
    firstByteMsP99: numberField(record, 'firstByteMsP99'),
    lastByteMsP50: numberField(record, 'lastByteMsP50'),
    failed: numberField(record, 'failed'),
  }
}

async function memoryOf(targets: readonly Target[]) {
  const peaks: Partial<Record<TargetName, number>> = {}
  for (const target of targets) peaks[target.name] = Math.round(await peakMemoryMb(target.pid))
  return peaks
}

/** A reply shorter than the fake's is no reply, whatever its status says. */
const bytesMin = { json: 1200, sse: 4000 }

function failuresOf(
  loads: readonly LoadSample[],
  firstBytes: readonly FirstByteSample[],
): readonly string[] {
  const bad = loads.filter(
    (load) => load.failed > 0 || load.answered === 0 || load.bytesPerReply < bytesMin[load.kind],
  )
  const badFirst = firstBytes.filter((sample) => sample.failed > 0)
  return [
    ...bad.map(
      (load) =>
        `${load.target} ${load.kind} c=${load.connections} round ${load.round}: ` +
        `${load.failed} failed of ${load.answered + load.failed}, ${load.bytesPerReply} bytes each`,
    ),
    ...badFirst.map((sample) => `${sample.target} first byte: ${sample.failed} failed`),
  ]
}

function describe(sample: LoadSample, rounds: number): string {
  const { round, kind, pace, connections, target } = sample
  return (
    `round ${round}/${rounds} ${kind} ${pace} c=${connections} ${target.padEnd(9)} ` +
    `${sample.requestsPerSecond} requests/s, p50 ${sample.latencyMsP50} ms, ` +
    `p99 ${sample.latencyMsP99} ms, ${sample.processorMicros} us, ${sample.failed} failed`
  )
}
