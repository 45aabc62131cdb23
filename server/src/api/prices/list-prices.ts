// GET /v1/prices
import type { ListedPrice, PricePage } from '@airworthy/sdk'
import { z } from 'zod'
import { listPriceOverrides } from '../../store/models/price-overrides.ts'
import { defineOperation } from '../operation.ts'
import { limit, text } from '../schemas.ts'
import { catalogueInfo, listedPrice, presentCatalogue, providerName } from './price.ts'

const reply: z.ZodType<PricePage> = z
  .object({
    catalogue: catalogueInfo,
    prices: z.array(listedPrice),
    next: z.string().nullable(),
  })
  .meta({ id: 'PricePage' })

export const listPrices = defineOperation({
  id: 'list-prices',
  method: 'GET',
  path: '/v1/prices',
  summary: 'List the prices that are known: overrides, then the catalogue',
  roles: ['operator', 'auditor'],
  query: z.strictObject({
    provider: providerName.exactOptional(),
    model: text({ min: 1, max: 128 }).exactOptional().meta({ description: 'A part of the name.' }),
    after: text({ min: 1, max: 400 })
      .exactOptional()
      .meta({ description: '`next` of the last page.' }),
    limit,
  }),
  reply,
  errors: [],
  run: async (context, { query }) => {
    const { db, organisationId, prices } = context
    const overrides = await listPriceOverrides(db, organisationId)
    const own = overrides.map(({ provider, model, list, setAt }): ListedPrice => ({
      provider,
      model,
      source: 'override',
      prices: list,
      notCounted: [],
      setAt: setAt.toISOString(),
    }))
    const listed = prices.catalogue
      .models(Date.now())
      .map(({ provider, model, list, notCounted }): ListedPrice => ({
        provider,
        model,
        source: 'catalogue',
        prices: list,
        notCounted: [...notCounted],
        setAt: null,
      }))
    const all = [...own, ...listed.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))].filter(
      ({ provider, model }) =>
        (query.provider === undefined || provider === query.provider) &&
        (query.model === undefined || model.toLowerCase().includes(query.model.toLowerCase())),
    )
    const after =
      query.after === undefined ? -1 : all.findIndex((one) => keyOf(one) === query.after)
    const page = all.slice(after + 1, after + 1 + query.limit)
    const last = page.at(-1)
    const hasMore = after + 1 + page.length < all.length
    return {
      catalogue: presentCatalogue(context),
      prices: page,
      next: hasMore && last !== undefined ? keyOf(last) : null,
    }
  },
})

function keyOf({ source, provider, model }: ListedPrice): string {
  return `${source}:${provider}/${model}`
}
