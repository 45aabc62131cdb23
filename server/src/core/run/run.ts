// A run (saga): effects that stand or fall together. Its states, and what moves it between them.
import type { ErrorCode } from '../errors.ts'

/**
 * open -> completing -> completed; open, completing, completed or stuck -> compensating ->
 * compensated or stuck; stuck -> settled. `completing` carries out what was deferred.
 */
export type RunState =
  | 'open'
  | 'completing'
  | 'completed'
  | 'compensating'
  | 'compensated'
  | 'stuck'
  | 'settled'

/** What a failed step, or a denial, does to the run: take all back, or keep what was done. */
export type Reaction = 'compensate' | 'keep'

export type RunPolicy = {
  readonly onFailure: Reaction
  readonly onDenied: Reaction
  /** Irreversible steps wait until the run is completed. */
  readonly irreversibleLast: boolean
  readonly expiresAfterSeconds: number
}

/** A pact's word on runs. */
export type RunsPolicy = RunPolicy & {
  /** Every session is one run, from its first write on. */
  readonly wholeSession: boolean
}

/** The name of the run that is the whole session: no declared run can have it. */
export const wholeSessionName = ''

export const runNameLengthMax = 64
/** Runs that one session may declare. */
export const runsPerSessionMax = 200

const runNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

export function isRunName(text: string): boolean {
  return runNamePattern.test(text)
}

const moves: Readonly<Record<RunState, readonly RunState[]>> = {
  open: ['completing', 'completed', 'compensating'],
  completing: ['completed', 'compensating'],
  completed: ['compensating'],
  compensating: ['compensated', 'stuck'],
  compensated: [],
  stuck: ['compensating', 'settled'],
  settled: [],
}

export function canMove(from: RunState, to: RunState): boolean {
  return moves[from].includes(to)
}

/** Denials that say nothing of the agent's authority: malformed, repeated, or of the session. */
const otherDenials: readonly string[] = [
  'effect.',
  'request.',
  'session.',
  'run.',
  'auth.',
  'log.',
  'kill.',
  'handover.',
]
const otherDenialCodes: ReadonlySet<ErrorCode> = new Set(['tool.arguments_invalid'])

/** Whether a refusal means that the agent asked for more than it may. A new code counts as one. */
export function isDenialOfAuthority(code: ErrorCode): boolean {
  return !otherDenialCodes.has(code) && !otherDenials.some((prefix) => code.startsWith(prefix))
}
