// What may happen to a run of five steps: where it is when a process dies, what fails beside, and
// whether its agent comes back.
import type { Fault, Place } from '../../../e2e/harness/step-tools.ts'

export const stepsOfRun = 5

/** `intent`: the call waits for the log. `settle`: the tool has answered, the log has not. */
export type Boundary = 'intent' | Place | 'settle'
export type Victim = 'gateway' | 'tool server'

export type Scenario = {
  readonly name: string
  /** The step, or the undo of the step, that is under way when the process dies. */
  readonly at: number
  readonly isUndo: boolean
  readonly faults: readonly Fault[]
  /** Whether the agent asks again after the kill; else an operator aborts its run. */
  readonly comesBack: boolean
  /** The run is aborted before this step instead of failing at it. */
  readonly abortBefore: number | undefined
  /** What a call that waits in the tool does once its gateway is dead: happen late, or never. */
  readonly isAbandoned: boolean
}

const numbers = Array.from({ length: stepsOfRun }, (_, index) => index + 1)

/** Every step, each with no failure, one before and one after every effect that can be reached. */
export function forward(boundary: Boundary, steps: readonly number[] = numbers): Scenario[] {
  const isBehindEffect = boundary === 'after' || boundary === 'settle'
  const found: Scenario[] = []
  for (const at of steps) {
    for (const fault of faultsFor(at)) {
      // A step that fails before its effect never gets behind it.
      if (isBehindEffect && fault?.n === at && fault.how === 'before') continue
      for (const comesBack of [true, false]) {
        found.push({
          name: `step ${at}, ${nameOf(fault)}, agent ${comesBack ? 'comes back' : 'is gone'}`,
          at,
          isUndo: false,
          faults: fault === undefined ? [] : [fault],
          comesBack,
          abortBefore: undefined,
          isAbandoned: Math.floor(found.length / 2) % 2 === 0,
        })
      }
    }
  }
  return found
}

function faultsFor(at: number): (Fault | undefined)[] {
  // A step that failed before its effect ends the run: what lies behind it is never reached.
  const before = numbers
    .filter((n) => n >= at)
    .map((n) => ({ tool: 'step', n, how: 'before' as const }))
  const after = numbers.map((n) => ({ tool: 'step', n, how: 'after' as const }))
  return [undefined, ...before, ...after]
}

/** Every undo of a run that fails, or is aborted, with a failure of the undo itself. */
export function backward(): Scenario[] {
  const found: Scenario[] = []
  for (const failing of numbers.slice(1)) {
    for (const at of numbers.filter((n) => n < failing)) {
      for (const how of [undefined, 'before', 'after'] as const) {
        const isAborted = found.length % 2 === 1
        const fault = { tool: 'step', n: failing, how: 'before' as const }
        const own = how === undefined ? [] : [{ tool: 'unstep', n: at, how }]
        found.push({
          name: `undo ${at} of ${failing - 1}, ${how === undefined ? 'no failure' : `failure ${how} it`}, ${isAborted ? 'aborted' : 'failed'}`,
          at,
          isUndo: true,
          faults: isAborted ? own : [fault, ...own],
          comesBack: true,
          abortBefore: isAborted ? failing : undefined,
          isAbandoned: found.length % 3 === 0,
        })
      }
    }
  }
  return found
}

function nameOf(fault: Fault | undefined): string {
  return fault === undefined ? 'no failure' : `failure ${fault.how} the effect of ${fault.n}`
}
