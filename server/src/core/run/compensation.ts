// What a run needs next, from what became of its steps. Pure: the same steps give the same answer,
// so any gateway can go on where another stopped.
import type { EffectClass } from '../decision/call.ts'

export type StepState =
  | 'held'
  | 'deferred'
  | 'executing'
  | 'done'
  | 'failed'
  | 'unknown'
  | 'undoing'
  | 'undone'
  | 'undo_failed'
  | 'denied'

export type Step = {
  readonly effectId: string
  readonly callId: string
  readonly action: string
  readonly effectClass: EffectClass
  readonly state: StepState
  /** The place of its intent in the log: the order in which things were done. */
  readonly order: bigint
  readonly holdId: string | undefined
  /** Attempts to undo it. */
  readonly attempts: number
  /** Not to be tried before; milliseconds since the Unix epoch. */
  readonly nextAtMs: number
  /** Given up: it is part of the report. */
  readonly isLeft: boolean
}

export type Task =
  /** It was never executed and must not be. */
  | { readonly kind: 'cancel'; readonly step: Step }
  | { readonly kind: 'probe'; readonly step: Step }
  | { readonly kind: 'undo'; readonly step: Step }
  /** Its time is over: it goes into the report, and the others are gone on with. */
  | { readonly kind: 'leave'; readonly step: Step; readonly why: 'irreversible' | 'unsettled' }
  | { readonly kind: 'execute'; readonly step: Step }
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'finish'; readonly state: 'completed' | 'compensated' | 'stuck' }

export const undoAttemptsMax = 6
const undoDelayMsMin = 250
const undoDelayMsMax = 15_000
/** A step whose outcome is open this long after the run was closed is reported as open. */
export const unsettledMsMax = 5 * 60_000
const pollMs = 500

/** How long to wait before the next attempt, after this many. */
export function undoDelayMs(attempts: number): number {
  return Math.min(undoDelayMsMin * 2 ** Math.max(attempts - 1, 0), undoDelayMsMax)
}

const isOpen: ReadonlySet<StepState> = new Set(['executing', 'unknown'])
const isWaiting: ReadonlySet<StepState> = new Set(['held', 'deferred'])
const isInWorld: ReadonlySet<StepState> = new Set(['done', 'undoing', 'undo_failed'])

/**
 * The next task of a run that is compensated: what waits is cancelled; what is under way, or
 * unknown, is found out; what is done is undone, the last first.
 */
export function nextCompensation(
  steps: readonly Step[],
  clock: { readonly nowMs: number; readonly closedAtMs: number },
): Task {
  const waiting = steps.find((step) => isWaiting.has(step.state))
  if (waiting !== undefined) return { kind: 'cancel', step: waiting }
  const unsettled = nextUnsettled(steps, clock)
  if (unsettled !== undefined) return unsettled
  const last = newest(steps.filter((step) => isInWorld.has(step.state) && !step.isLeft))
  if (last === undefined) {
    const isClean = steps.every((step) => !isInWorld.has(step.state) && !isOpen.has(step.state))
    return { kind: 'finish', state: isClean ? 'compensated' : 'stuck' }
  }
  if (last.effectClass === 'irreversible') {
    return { kind: 'leave', step: last, why: 'irreversible' }
  }
  if (last.nextAtMs > clock.nowMs) return { kind: 'wait', untilMs: last.nextAtMs }
  return { kind: 'undo', step: last }
}

/** The next task of a run that is completed: what was deferred is executed, the first first. */
export function nextCompletion(steps: readonly Step[], clock: { readonly nowMs: number }): Task {
  const { nowMs } = clock
  // What is under way, or unknown, comes to its end before the next one begins.
  const open = steps.find((step) => isOpen.has(step.state))
  if (open !== undefined) {
    const isDue = open.state === 'unknown' && open.nextAtMs <= nowMs
    return isDue ? { kind: 'probe', step: open } : { kind: 'wait', untilMs: nowMs + pollMs }
  }
  const deferred = steps.filter((step) => step.state === 'deferred')
  const first = deferred.reduce<Step | undefined>(
    (before, step) => (before === undefined || step.order < before.order ? step : before),
    undefined,
  )
  if (first === undefined) return { kind: 'finish', state: 'completed' }
  return { kind: 'execute', step: first }
}

function nextUnsettled(
  steps: readonly Step[],
  clock: { readonly nowMs: number; readonly closedAtMs: number },
): Task | undefined {
  const { nowMs, closedAtMs } = clock
  const open = steps.filter((step) => isOpen.has(step.state) && !step.isLeft)
  const [first] = open
  if (first === undefined) return undefined
  if (nowMs - closedAtMs > unsettledMsMax) return { kind: 'leave', step: first, why: 'unsettled' }
  const due = open.find((step) => step.state === 'unknown' && step.nextAtMs <= nowMs)
  return due === undefined
    ? { kind: 'wait', untilMs: nowMs + pollMs }
    : { kind: 'probe', step: due }
}

function newest(steps: readonly Step[]): Step | undefined {
  return steps.reduce<Step | undefined>(
    (last, step) => (last === undefined || step.order > last.order ? step : last),
    undefined,
  )
}

/** Whether a run may be completed now: no step is under way, unknown or waits for a person. */
export function openSteps(steps: readonly Step[]): Step[] {
  return steps.filter((step) => isOpen.has(step.state) || step.state === 'held')
}
