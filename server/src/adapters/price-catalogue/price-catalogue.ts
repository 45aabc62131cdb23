// The list prices of model providers, as the package @pydantic/genai-prices brings them. It is data
// that comes with this release: nothing is ever fetched (the package only does so when it is asked
// to), so prices change with an update of Airworthy, and by the dates that the data names.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Provider } from '@pydantic/genai-prices'
import type { PricedModel, PriceFound } from '../../core/pricing/lookup.ts'
import type { PriceList } from '../../core/pricing/price-list.ts'
import { nearNames } from './near-names.ts'
import { type ListedPrice, pricesAt, priceListOf } from './catalogue-prices.ts'

export type CatalogueModel = {
  readonly provider: string
  /** The catalogue's own name; an upstream's name for it may be longer. */
  readonly model: string
  readonly list: PriceList
  /** What the provider charges for beside tokens, which is not counted: `web_searches_kcount`. */
  readonly notCounted: readonly string[]
  readonly contextTokens: number | undefined
}

export type PriceCatalogue = {
  /** `@pydantic/genai-prices@0.1.8` */
  readonly edition: string
  /** SHA-256 (hex) over all of its data. */
  readonly hash: string
  /** The provider that serves at this URL; undefined for one that is not known. */
  readonly providerOf: (baseUrl: string) => string | undefined
  /** The provider whose models have such names: `openai` for `gpt-5`. */
  readonly providerOfModel: (model: string) => string | undefined
  readonly find: (model: PricedModel, nowMs: number) => PriceFound
  /** Every model with a price for tokens. */
  readonly models: (nowMs: number) => CatalogueModel[]
}

const packageName = '@pydantic/genai-prices'

/** Reads the catalogue into memory: about 2 MB, a tenth of a second. Asks no network. */
export async function openPriceCatalogue(): Promise<PriceCatalogue> {
  const { calcPrice, findProvider, waitForUpdate } = await import('@pydantic/genai-prices')
  // The name of the function means what somebody who fetches would wait for: nobody does here.
  const providers: readonly Provider[] = (await waitForUpdate()) ?? []
  const edition = `${packageName}@${await packageVersion()}`
  const known = new Map(providers.map((provider) => [provider.id, provider]))
  const providerOf = (baseUrl: string): string | undefined =>
    findProvider({ providerApiUrl: baseUrl })?.id
  /** The library knows which of its models a name stands for. */
  const match = (providerId: string, model: string, nowMs: number): ListedPrice | undefined => {
    const timestamp = new Date(nowMs)
    const found = calcPrice({}, model, { providerId, timestamp })
    if (found === null) return undefined
    const listed = priceListOf(pricesAt(found.model, found.model_price, nowMs))
    return listed && { ...listed, from: `${found.provider.id}/${found.model.id}` }
  }
  return {
    edition,
    hash: createHash('sha256').update(JSON.stringify(providers)).digest('hex'),
    providerOf,
    providerOfModel: (model) => findProvider({ modelId: model.toLowerCase() })?.id,
    find: ({ provider: named, baseUrl, upstreamModel }, nowMs) => {
      const provider = named ?? providerOf(baseUrl)
      if (provider === undefined) return { kind: 'unknown', provider, near: [] }
      const own = known.get(provider)
      if (own === undefined) {
        return { kind: 'unknown', provider, near: nearNames(provider, known.keys()) }
      }
      const listed = match(provider, upstreamModel, nowMs)
      if (listed === undefined) {
        const names = own.models.map((model) => model.id)
        return { kind: 'unknown', provider, near: nearNames(upstreamModel, names) }
      }
      const { list, from } = listed
      return { kind: 'found', list, source: 'catalogue', from, edition }
    },
    models: (nowMs) =>
      providers.flatMap((provider) =>
        provider.models.flatMap((model) => {
          const listed = priceListOf(pricesAt(model, undefined, nowMs))
          if (listed === undefined) return []
          const { list, notCounted } = listed
          const contextTokens = model.context_window
          return [{ provider: provider.id, model: model.id, list, notCounted, contextTokens }]
        }),
      ),
  }
}

/** The package exports no package.json, so it is found beside what it does export. */
async function packageVersion(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve(packageName)
  const text = await readFile(join(dirname(entry), '..', 'package.json'), 'utf8')
  const value: unknown = JSON.parse(text)
  const hasVersion = typeof value === 'object' && value !== null && 'version' in value
  return hasVersion ? String(value.version) : 'unknown'
}
