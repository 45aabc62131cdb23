// When a failed attempt of a model call is tried again: one deadline and one count of attempts over
// all its endpoints, keys and fallbacks.
import type { ErrorCode } from '../../core/errors.ts'
import type { RetryPolicy } from '../../core/pact/compiled.ts'

export { readRetryAfter } from '../../core/reliability/retry-after.ts'

/** How one attempt at an endpoint ended. */
export type AttemptResult =
  /** It answered a 2xx, and its reply was whole. */
  | { readonly kind: 'ok'; readonly firstByteMs: number }
  /** It answered an error of its own. */
  | {
      readonly kind: 'status'
      readonly status: number
      /** What `readRetryAfter` found in the reply. */
      readonly retryAfterMs: number | undefined
      /** False where the reply says `x-should-retry: false`: not there, not now. */
      readonly shouldRetry?: boolean | undefined
    }
  /** No whole reply came; `code` says why. */
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly neverSent: boolean }
  /** The client, or this gateway, gave it up: it says nothing of the endpoint. */
  | { readonly kind: 'cancelled' }

export type RetryBudgetOptions = {
  readonly policy: RetryPolicy
  /** On the clock of `now`. */
  readonly deadlineMs: number
  readonly now: () => number
  /** From 0, below 1. */
  readonly random: () => number
}

/** The attempts of one call. The first one is made without asking. */
export class RetryBudget {
  readonly #options: RetryBudgetOptions
  #attempts = 1

  constructor(options: RetryBudgetOptions) {
    this.#options = options
  }

  /** How many attempts were granted so far, the first included. */
  get attempts(): number {
    return this.#attempts
  }

  /** What is left until the deadline; never negative. */
  get remainingMs(): number {
    return Math.max(0, this.#options.deadlineMs - this.#options.now())
  }

  /**
   * Grants the next attempt, and says how long to wait before it; undefined where there is none.
   * `elsewhere`: another endpoint or key will take it, so neither backoff nor Retry-After of this
   * one holds it back.
   */
  next(
    result: AttemptResult,
    { elsewhere }: { readonly elsewhere: boolean } = { elsewhere: false },
  ): { readonly delayMs: number } | undefined {
    const { policy, random } = this.#options
    if (this.#attempts >= policy.attempts || !mayRetry(result, elsewhere)) return undefined
    const delayMs = elsewhere ? 0 : delayBefore(result, { policy, attempt: this.#attempts, random })
    if (delayMs === undefined || delayMs >= this.remainingMs) return undefined
    this.#attempts += 1
    return { delayMs }
  }
}

/** Nothing was generated, or what was is settled as unknown: another attempt may be made. */
function mayRetry(result: AttemptResult, elsewhere: boolean): boolean {
  if (result.kind === 'failed') return retriedCodes.has(result.code)
  if (result.kind !== 'status') return false
  if (refusesKey(result.status)) return elsewhere
  const { status, shouldRetry } = result
  if (shouldRetry === false && !elsewhere) return false
  return status === 408 || status === 429 || status >= 500
}

const retriedCodes: ReadonlySet<ErrorCode> = new Set([
  'upstream.unreachable',
  'upstream.interrupted',
  'upstream.timeout',
  'upstream.invalid',
])

/** The key is wrong, has no right, or has no money left: the endpoint itself works. */
export function refusesKey(status: number): boolean {
  return status === 401 || status === 402 || status === 403
}

/** Full jitter: anything up to the exponential bound; what the upstream asks for comes first. */
function delayBefore(
  result: AttemptResult,
  options: { policy: RetryPolicy; attempt: number; random: () => number },
): number | undefined {
  const { policy, attempt, random } = options
  const bound = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (attempt - 1))
  const askedMs = result.kind === 'status' ? result.retryAfterMs : undefined
  if (askedMs === undefined) return Math.floor(random() * bound)
  if (askedMs > policy.retryAfterMaxMs) return undefined
  // Not all who were told the same come back at the same moment.
  return askedMs + Math.floor(random() * policy.baseDelayMs)
}
