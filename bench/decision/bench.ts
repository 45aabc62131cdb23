// What a decision costs. The decision is a pure function inside the server, which a bench may not
// import; so a program of the server's tests times it, and this runs that program and judges.
import { join } from 'node:path'
import { repository } from '../airworthy.ts'
import { numberField, runProgram } from '../processes.ts'

/** Microseconds. */
export const bars = { p50: 50, p99: 250 } as const
export const rulesMin = 50
export const decisionsMin = 100_000

export type DecisionBench = {
  /** Microseconds, the machine, and how many decisions of which verdict. */
  readonly figures: Readonly<Record<string, unknown>>
  readonly holds: boolean
}

/** Runs once, in a process of its own. */
export async function benchDecision(decisions: number): Promise<DecisionBench> {
  const program = join(repository, 'server/test/decision/measure.ts')
  const figures = await runProgram({ name: 'decisions', args: [program, String(decisions)] })
  const isFull =
    numberField(figures, 'rules') >= rulesMin && numberField(figures, 'decisions') >= decisionsMin
  const isFast = numberField(figures, 'p50') <= bars.p50 && numberField(figures, 'p99') <= bars.p99
  return { figures, holds: isFull && isFast }
}
