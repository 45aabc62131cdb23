// Rates between assets. A conversion needs a quote that is young enough, and rounds against whoever
// spends: a limit can only be hit too early.
import type { AssetId } from './asset.ts'

export type Quote = {
  readonly base: AssetId
  readonly quoted: AssetId
  /** One major unit of `base` is worth numerator / denominator major units of `quoted`. */
  readonly numerator: bigint
  readonly denominator: bigint
  readonly atMs: number
  readonly maxAgeMs: number
}

export type Rate = Pick<Quote, 'numerator' | 'denominator'>

const rateLengthMax = 40
const ratePattern = /^(0|[1-9]\d*)(?:\.(\d+))?$/

/** A positive decimal such as `1.0842`; undefined for anything else. */
export function parseRate(text: string): Rate | undefined {
  const match = text.length > rateLengthMax ? null : ratePattern.exec(text)
  if (match === null) return undefined
  const [, whole = '0', fraction = ''] = match
  const numerator = BigInt(`${whole}${fraction}`)
  return numerator === 0n ? undefined : { numerator, denominator: 10n ** BigInt(fraction.length) }
}

/** A quote of the future is as little to be trusted as one of long ago. */
export function isFresh(quote: Pick<Quote, 'atMs' | 'maxAgeMs'>, nowMs: number): boolean {
  const ageMs = nowMs - quote.atMs
  return ageMs >= -clockSlackMs && ageMs <= quote.maxAgeMs
}

/** How far the clock of whoever quotes may be ahead. */
export const clockSlackMs = 60_000

/** Minor units of `base` as minor units of `quoted`. */
export function convert(
  minor: bigint,
  rate: Rate,
  decimals: {
    readonly base: number
    readonly quoted: number
    /** Of what is spent `up`; of what comes back `down`. */
    readonly round: 'up' | 'down'
  },
): bigint {
  const numerator = minor * rate.numerator * 10n ** BigInt(decimals.quoted)
  const denominator = rate.denominator * 10n ** BigInt(decimals.base)
  const whole = numerator / denominator
  const isExact = whole * denominator === numerator
  return isExact || decimals.round === 'down' ? whole : whole + 1n
}
