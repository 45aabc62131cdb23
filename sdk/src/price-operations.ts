import type { Requester } from './requester.ts'
import type {
  FoundPrice,
  ListedPrice,
  PriceCheck,
  PricePage,
  RemovedPriceOverride,
  RemovePriceOverride,
  SetPriceOverride,
} from './wire/prices.ts'
import type {
  ImportUsage,
  ModelUsePage,
  UsageImport,
  UsageImportPage,
  UsageQuery,
} from './wire/usage.ts'

/** What models cost, and what they were used for. */
export function priceOperations({ get, post }: Pick<Requester, 'get' | 'post'>) {
  return {
    listPrices: (
      query: { provider?: string; model?: string; after?: string; limit?: number } = {},
    ) => get<PricePage>('/v1/prices', query),
    findPrice: (query: { model: string; provider?: string; baseUrl?: string }) =>
      get<FoundPrice>('/v1/prices/find', query),
    checkPrices: () => get<PriceCheck>('/v1/prices/check'),
    setPriceOverride: (body: SetPriceOverride) => post<ListedPrice>('/v1/prices/overrides', body),
    removePriceOverride: (body: RemovePriceOverride) =>
      post<RemovedPriceOverride>('/v1/prices/overrides/remove', body),
    listModelUse: (query: UsageQuery = {}) => get<ModelUsePage>('/v1/usage/calls', query),
    importUsage: (body: ImportUsage) => post<UsageImport>('/v1/usage/imports', body),
    listUsageImports: (query: { after?: string; limit?: number } = {}) =>
      get<UsageImportPage>('/v1/usage/imports', query),
  }
}
