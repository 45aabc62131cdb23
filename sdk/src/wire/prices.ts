// What models cost: the catalogue, the operators' overrides, and what manifests use.

/** US dollars for a million tokens, as decimals with at most six decimals. */
export type TokenPrices = {
  readonly inputPerMillionUsd: string
  readonly cachedInputPerMillionUsd?: string | undefined
  readonly cacheWritePerMillionUsd?: string | undefined
  readonly cacheWrite1hPerMillionUsd?: string | undefined
  readonly outputPerMillionUsd: string
  readonly reasoningPerMillionUsd?: string | undefined
  readonly mediaInputPerMillionUsd?: string | undefined
  readonly mediaOutputPerMillionUsd?: string | undefined
}

export type PriceTier = TokenPrices & { readonly abovePromptTokens: number }

type TieredPrices = TokenPrices & { readonly tiers?: readonly PriceTier[] | undefined }

export type PriceList = TieredPrices & {
  readonly perCallUsd?: string | undefined
  readonly batch?: TieredPrices | undefined
  readonly flex?: TieredPrices | undefined
  readonly priority?: TieredPrices | undefined
}

export type CatalogueInfo = {
  /** `@pydantic/genai-prices@0.1.8` */
  readonly edition: string
  /** SHA-256 (hex) over all of its data. */
  readonly hash: string
}

export type ListedPrice = {
  readonly provider: string
  readonly model: string
  readonly source: 'override' | 'catalogue'
  readonly prices: PriceList
  /** What the provider charges for beside tokens, which is not counted. */
  readonly notCounted: readonly string[]
  /** Of an override. */
  readonly setAt: string | null
}

/** GET /v1/prices. `next` is where the next page starts. */
export type PricePage = {
  readonly catalogue: CatalogueInfo
  readonly prices: readonly ListedPrice[]
  readonly next: string | null
}

/** GET /v1/prices/find: what a model of a manifest without prices would cost. */
export type FoundPrice = {
  readonly provider: string | null
  readonly model: string
  /** Null where nobody knows. */
  readonly found: {
    readonly source: 'override' | 'catalogue'
    /** `openai/gpt-4.1` */
    readonly from: string
    readonly edition: string
    readonly prices: PriceList
  } | null
  /** Names that are close. */
  readonly near: readonly string[]
}

/** POST /v1/prices/overrides */
export type SetPriceOverride = {
  readonly provider: string
  readonly model: string
  readonly prices: PriceList
}

/** POST /v1/prices/overrides/remove */
export type RemovePriceOverride = { readonly provider: string; readonly model: string }

export type RemovedPriceOverride = RemovePriceOverride

/** A price that is not what the catalogue says. */
export type PriceDifference = {
  /** `input`, `tiers[1].output`, `batch.input`, `call` */
  readonly price: string
  /** US dollars for a million tokens, or for a call; null where one has no such price. */
  readonly used: string | null
  readonly catalogue: string | null
}

/**
 * `same`, `differs`: from the catalogue. `not_listed`: the catalogue does not know the model.
 * `free`, `flat`: the manifest says so. `unknown`: nobody knows the price, calls are refused.
 */
export type PriceState = 'same' | 'differs' | 'not_listed' | 'free' | 'flat' | 'unknown'

export type CheckedPrice = {
  readonly agent: string
  readonly model: string
  readonly endpoint: string
  readonly provider: string | null
  readonly upstreamModel: string
  readonly source: 'manifest' | 'override' | 'catalogue' | 'free' | 'flat' | null
  /** As it stands in the entries of calls. */
  readonly hash: string | null
  readonly state: PriceState
  readonly differences: readonly PriceDifference[]
}

export type CheckedOverride = {
  readonly provider: string
  readonly model: string
  readonly setAt: string
  /** `same`: the catalogue says so by now, and the override can go. */
  readonly state: 'same' | 'differs' | 'not_listed'
  /** Models of enrolled manifests that it prices. */
  readonly uses: number
  readonly differences: readonly PriceDifference[]
}

/** GET /v1/prices/check */
export type PriceCheck = {
  readonly catalogue: CatalogueInfo
  readonly models: readonly CheckedPrice[]
  readonly overrides: readonly CheckedOverride[]
}
