// When a tool server that ended may be started again: later each time, and not for ever.

export type RestartLimits = {
  /** Unexpected ends within the window after which it is left alone until the window has passed. */
  readonly max: number
  readonly withinSeconds: number
}

export const defaultRestarts: RestartLimits = { max: 5, withinSeconds: 60 }

const firstDelayMs = 100
const delayMsMax = 8000

export type RestartPlan =
  | { readonly kind: 'after'; readonly delayMs: number }
  /** `retryAtMs`: when the oldest end leaves the window. */
  | { readonly kind: 'given_up'; readonly ends: number; readonly retryAtMs: number }

/**
 * What to do now, given when the server ended before (times in ms, oldest first). The delay doubles
 * with each end in the window; `random` in [0, 1) takes up to half of it away, so that many servers
 * that fell together do not rise together.
 */
export function planRestart(
  endsMs: readonly number[],
  options: { limits: RestartLimits; nowMs: number; random: number },
): RestartPlan {
  const { limits, nowMs, random } = options
  const windowMs = limits.withinSeconds * 1000
  const recent = endsMs.filter((endMs) => nowMs - endMs < windowMs)
  const [oldest] = recent
  if (oldest === undefined) return { kind: 'after', delayMs: 0 }
  if (recent.length >= limits.max) {
    return { kind: 'given_up', ends: recent.length, retryAtMs: oldest + windowMs }
  }
  const delayMs = Math.min(delayMsMax, firstDelayMs * 2 ** (recent.length - 1))
  return { kind: 'after', delayMs: Math.round(delayMs * (1 - random / 2)) }
}
