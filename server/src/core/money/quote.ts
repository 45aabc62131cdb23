// Rates between assets. A conversion needs a quote that is young enough, and rounds against whoever
// spends: a limit can only be hit too early.
import type { AssetId } from './asset.ts'

export type Quote = {
  readonly base: AssetId
  readonly quoted: AssetId
  /** One major unit of `base` is worth numerator / denominator major units of `quoted`. */
  readonly numerator: bigint
  readonly denominator: bigint
  /** The last rate that two people agreed on. */
  readonly agreed: Rate
  readonly atMs: number
  readonly maxAgeMs: number
}

export type Rate = { readonly numerator: bigint; readonly denominator: bigint }

/** How far one person may go below the rate that two agreed on. */
const loweringPercentMax = 10n

/**
 * Whether money counts for so little by the rate that it takes two people to set it. It is measured
 * against what two agreed on, and not against the last rate: many small steps are a large one.
 */
export function isLooserRate(agreed: Rate | undefined, rate: Rate): boolean {
  // Where there was no quote, nothing left.
  if (agreed === undefined) return true
  const least = agreed.numerator * rate.denominator * (100n - loweringPercentMax)
  return rate.numerator * agreed.denominator * 100n < least
}

/** What comes back makes room by the lower of both: one person may have set a rate as high as any. */
export function refundRate(quote: Rate & Pick<Quote, 'agreed'>): Rate {
  const { agreed } = quote
  const isHigher = quote.numerator * agreed.denominator > agreed.numerator * quote.denominator
  return isHigher ? agreed : quote
}

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
