// 100 runs at once, each of which fails in the middle: all are compensated. How fast they were, and
// how long it took until the world was clean again.
import { type AgentEnd, runAgent } from './saga/agent.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { awaitRun, standSagaGround } from './saga/ground.ts'

const runsCount = 100
const failingStep = 4
const cleanWithinMs = 120_000

export async function run({ log }: EvidenceOptions): Promise<Figures> {
  await using ground = await standSagaGround()
  const sessions = await Promise.all(Array.from({ length: runsCount }, () => ground.openSession()))
  await ground.tools.plan(
    sessions.map(({ id }) => ({
      session: id,
      faults: [{ tool: 'step', n: failingStep, how: 'before' as const }],
    })),
  )
  log(`${runsCount} runs at once, each fails at step ${failingStep}`)
  const began = performance.now()
  const ends = await Promise.all(
    sessions.map((session) =>
      runAgent({ session, comesBack: true, mayStep: () => Promise.resolve(true) }),
    ),
  )
  const failedMs = performance.now() - began
  const details = await Promise.all(
    sessions.map(({ id }) => awaitRun(ground.client, id, cleanWithinMs)),
  )
  const cleanMs = performance.now() - began
  const journal = await ground.tools.journal()
  const done = journal.filter((line) => line.kind === 'done').length
  const undone = journal.filter((line) => line.kind === 'undone').length
  const compensated = details.filter((one) => one?.run.state === 'compensated').length
  const closing = details.flatMap((one) => toClean(one?.run.closedAt, one?.run.endedAt))
  const sorted = closing.toSorted((a, b) => a - b)
  const failed = ends.filter((end: AgentEnd) => end === 'failed').length
  const steps = runsCount * (failingStep - 1)
  return {
    runs: runsCount,
    failed,
    compensated,
    effectsDone: done,
    effectsUndone: undone,
    stepsPerSecond: Math.round((done / failedMs) * 1000),
    undosPerSecond: Math.round((undone / cleanMs) * 1000),
    secondsToLastFailure: seconds(failedMs),
    secondsToClean: seconds(cleanMs),
    /** From the failure of a run to its last undo. */
    runCleanMsP50: sorted[Math.floor(sorted.length / 2)] ?? null,
    runCleanMsMax: sorted.at(-1) ?? null,
    holds: compensated === runsCount && done === steps && undone === steps,
  }
}

function toClean(closedAt?: string | null, endedAt?: string | null): number[] {
  if (!closedAt || !endedAt) return []
  return [Date.parse(endedAt) - Date.parse(closedAt)]
}

function seconds(ms: number): number {
  return Number((ms / 1000).toFixed(2))
}
