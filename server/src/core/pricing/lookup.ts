// Who knows what a model costs when its manifest does not say.
import type { PriceList } from './price-list.ts'

/** An endpoint of a model, as far as its price depends on it. */
export type PricedModel = {
  /** As the manifest names it; else told from the base URL. */
  readonly provider: string | undefined
  readonly baseUrl: string
  /** The name that the provider knows. */
  readonly upstreamModel: string
}

export type PriceFound =
  | {
      readonly kind: 'found'
      readonly list: PriceList
      readonly source: 'override' | 'catalogue'
      /** `openai/gpt-4.1` */
      readonly from: string
      /** Which catalogue, or the id of the override. */
      readonly edition: string
    }
  | {
      readonly kind: 'unknown'
      /** Undefined where the base URL is of no provider that is known. */
      readonly provider: string | undefined
      /** Names that are close, nearest first. */
      readonly near: readonly string[]
    }

/** Finds prices in memory; never asks a network. */
export type PriceLookup = (model: PricedModel) => PriceFound

export const knowsNoPrices: PriceLookup = () => ({ kind: 'unknown', provider: undefined, near: [] })
