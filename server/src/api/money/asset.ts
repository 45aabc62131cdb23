// Assets and quotes as the wire shows them.
import type { Asset, Quote } from '@airworthy/sdk'
import { z } from 'zod'
import { isFresh } from '../../core/money/quote.ts'
import type { KnownAsset } from '../../store/money/money-assets.ts'
import type { KnownQuote } from '../../store/money/money-quotes.ts'
import { id, integerText, time } from '../schemas.ts'

export const assetSchema: z.ZodType<Asset> = z
  .object({ asset: z.string(), decimals: z.int(), addedAt: time, addedBy: id })
  .meta({ id: 'Asset' })

export function presentAsset({ asset, decimals, addedAt, addedBy }: KnownAsset): Asset {
  return { asset, decimals, addedAt: addedAt.toISOString(), addedBy }
}

export const quoteSchema: z.ZodType<Quote> = z
  .object({
    base: z.string(),
    quoted: z.string(),
    numerator: integerText,
    denominator: integerText,
    at: time,
    maxAgeSeconds: z.int(),
    source: z.string(),
    isFresh: z.boolean(),
    setAt: time,
    setBy: id,
  })
  .meta({ id: 'Quote' })

export function presentQuote(quote: KnownQuote, now: Date): Quote {
  const { base, quoted, maxAgeSeconds, source, setBy } = quote
  return {
    base,
    quoted,
    numerator: String(quote.numerator),
    denominator: String(quote.denominator),
    at: quote.at.toISOString(),
    maxAgeSeconds,
    source,
    isFresh: isFresh({ atMs: quote.at.getTime(), maxAgeMs: maxAgeSeconds * 1000 }, now.getTime()),
    setAt: quote.setAt.toISOString(),
    setBy,
  }
}
