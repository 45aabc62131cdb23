// GET /v1/prices/find
import type { FoundPrice } from '@airworthy/sdk'
import { z } from 'zod'
import { defineOperation } from '../operation.ts'
import { text } from '../schemas.ts'
import { priceListSchema, priceModel, providerName } from './price.ts'

const reply: z.ZodType<FoundPrice> = z
  .object({
    provider: z.string().nullable(),
    model: z.string(),
    found: z
      .object({
        source: z.enum(['override', 'catalogue']),
        from: z.string(),
        edition: z.string(),
        prices: priceListSchema,
      })
      .nullable(),
    near: z.array(z.string()),
  })
  .meta({ id: 'FoundPrice' })

export const findPrice = defineOperation({
  id: 'find-price',
  method: 'GET',
  path: '/v1/prices/find',
  summary: 'Show what a model would cost; without provider and baseUrl, by its name',
  roles: ['operator', 'auditor'],
  query: z.strictObject({
    model: priceModel,
    provider: providerName.exactOptional(),
    baseUrl: text({ min: 1, max: 2000 }).exactOptional(),
  }),
  reply,
  errors: [],
  run: async ({ prices }, { query }) => {
    const { model, baseUrl = '' } = query
    const { catalogue } = prices
    const provider =
      query.provider ??
      (query.baseUrl === undefined
        ? catalogue.providerOfModel(model)
        : catalogue.providerOf(baseUrl))
    const found = prices.book.find({ provider, baseUrl, upstreamModel: model })
    if (found.kind === 'unknown') {
      return { provider: provider ?? null, model, found: null, near: [...found.near] }
    }
    const { source, from, edition, list } = found
    return {
      provider: provider ?? null,
      model,
      found: { source, from, edition, prices: list },
      near: [],
    }
  },
})
