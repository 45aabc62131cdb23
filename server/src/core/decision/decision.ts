import type { ErrorCode } from '../errors.ts'
import type { Firing, Signals } from '../escalation/escalation.ts'
import type { OriginsByArgument } from '../taint/taint.ts'
import type { EffectClass } from './call.ts'
import type { Flow, SessionFacts } from './facts.ts'

export type Verdict = 'allow' | 'hold' | 'deny'

/** One rule that spoke, or failed to. */
export type Reason = {
  readonly rule: string
  readonly verdict: Verdict
  readonly reason: string
  /** Set when the rule could not be evaluated: the evaluator's message. Such a rule denies. */
  readonly error?: string
  /** On the first reason of a tool call: what the rules about the tool read of the session. */
  readonly facts?: RecordedFacts
}

/**
 * Session facts as they were under the lock. Only what rules read is here, and nothing that is a
 * person's: task, end user, scopes and arguments lie elsewhere.
 */
export type RecordedFacts = {
  readonly nowMs: number
  readonly modelCalls?: number
  readonly toolCalls?: number
  readonly writes?: number
  readonly denied?: number
  readonly held?: number
  readonly tokens?: number
  /** Decimal string of an integer. */
  readonly spentNanoUsd?: string
  /** By `server/tool`: made, done, failed, unknown. */
  readonly tools?: Readonly<Record<string, readonly [number, number, number, number]>>
  readonly flow?: SessionFacts['flow']
  readonly taint?: SessionFacts['taint']
  readonly recent?: string
  /** What the triggers of the pact knew. */
  readonly escalation?: SessionFacts['escalation']
  readonly signals?: Signals
  readonly origins?: OriginsByArgument | undefined
  /** The class that rules saw; an undo that is not proved counts as none. */
  readonly effect?: EffectClass
  /** Minor units as a decimal string. */
  readonly amount?: { readonly minorUnits: string; readonly currency: string }
}

/** The outcome of `decide`: the strictest verdict and every rule that spoke. */
export type Decision = {
  readonly verdict: Verdict
  /** The code a refusal is answered with: `policy.denied`, `policy.rule_error`, `budget.exceeded`, ... */
  readonly code: ErrorCode | undefined
  readonly reasons: readonly Reason[]
  /** The flow that the call runs in; undefined where the pact declares no write flow. */
  readonly flow?: Flow
  /** The call opens the session's write flow if it goes on. */
  readonly opensFlow?: boolean
  /** A trigger hands the session over to a person. */
  readonly handsOver?: true
  /** The handover that stands in the way, or that the call has begun: its id. */
  readonly handover?: string
  /** What the session's facts become if the call goes on. */
  readonly after?: Partial<Pick<SessionFacts, 'flow' | 'recent' | 'escalation'>>
  /** The triggers that were met, whatever the verdict is. */
  readonly firings?: readonly Firing[]
}
