// Prices as the wire shows and takes them.
import type { CatalogueInfo, ListedPrice, PriceList as WirePriceList } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { priceList } from '../../core/pact/prices-schema.ts'
import { formatPath } from '../../core/pact/problem.ts'
import { type PriceList, priceListProblems } from '../../core/pricing/price-list.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { text } from '../schemas.ts'

export const priceListSchema: z.ZodType<WirePriceList> = priceList.meta({ id: 'PriceList' })

/** As a manifest's `provider` and `upstreamModel` have them. */
export const providerName = text({ min: 1, max: 64 }).regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, {
  error: 'expected a name of letters, digits, "-", "_" and "."',
})
export const priceModel = text({ min: 1, max: 128 }).regex(/^[\x21-\x7e]+$/, {
  error: 'expected a model name without spaces',
})

export const catalogueInfo: z.ZodType<CatalogueInfo> = z.object({
  edition: z.string(),
  hash: z.string(),
})

export const listedPrice = z
  .object({
    provider: z.string(),
    model: z.string(),
    source: z.enum(['override', 'catalogue']),
    prices: priceListSchema,
    notCounted: z.array(z.string()),
    setAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ListedPrice' }) satisfies z.ZodType<ListedPrice>

export function presentCatalogue({ prices }: Pick<ApiDependencies, 'prices'>): CatalogueInfo {
  const { edition, hash } = prices.catalogue
  return { edition, hash }
}

/** Throws `price.invalid` with what is wrong with each price. */
export function expectPrices(list: PriceList): void {
  const problems = priceListProblems(list).map(({ path, value, expected }) => ({
    path: formatPath(path),
    message: `got ${JSON.stringify(value)}, expected ${expected}`,
  }))
  const [first] = problems
  if (first === undefined) return
  throw new AirworthyError('price.invalid', `${first.path}: ${first.message}`, {
    detail: { problems },
  })
}
