// Whether a semantic cache may answer: by what was found out about pairs that it would have answered.

export type Tally = {
  /** The cached answer was as good as the real one. */
  readonly agree: number
  readonly differ: number
  /** Nobody knows yet: counted as false until a person has looked. */
  readonly unsure: number
}

/** One-sided 95 %. */
const z = 1.644_853_626_951

/** The rate that is passed with a probability of 5 % at most (Wilson score interval, one-sided). */
export function upperBound(falseHits: number, pairs: number): number {
  if (pairs === 0) return 1
  const rate = falseHits / pairs
  const centre = rate + (z * z) / (2 * pairs)
  const spread = z * Math.sqrt((rate * (1 - rate)) / pairs + (z * z) / (4 * pairs * pairs))
  // Rounding must not take it below the rate itself.
  return Math.min(1, Math.max(rate, (centre + spread) / (1 + (z * z) / pairs)))
}

export type Standing = {
  readonly pairs: number
  readonly rate: number | undefined
  readonly upperBound: number
  /** The evidence is enough, and it is good enough. */
  readonly isWithinBudget: boolean
}

export function standingOf(tally: Tally, falseHitRateMax: number): Standing {
  const falseHits = tally.differ + tally.unsure
  const pairs = tally.agree + falseHits
  const upper = upperBound(falseHits, pairs)
  return {
    pairs,
    rate: pairs === 0 ? undefined : falseHits / pairs,
    upperBound: upper,
    isWithinBudget: upper <= falseHitRateMax,
  }
}
