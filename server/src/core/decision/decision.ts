import type { ErrorCode } from '../errors.ts'

export type Verdict = 'allow' | 'hold' | 'deny'

/** One rule that spoke, or failed to. */
export type Reason = {
  readonly rule: string
  readonly verdict: Verdict
  readonly reason: string
  /** Set when the rule could not be evaluated: the evaluator's message. Such a rule denies. */
  readonly error?: string
}

/** The outcome of `decide`: the strictest verdict and every rule that spoke. */
export type Decision = {
  readonly verdict: Verdict
  /** The code a refusal is answered with: `policy.denied`, `policy.rule_error`, `budget.exceeded`, ... */
  readonly code: ErrorCode | undefined
  readonly reasons: readonly Reason[]
}
