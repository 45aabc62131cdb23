// Prices as people write them, in decimal US dollars for a million tokens: in a manifest, as an
// override, in the catalogue.
import { decimalToUnits } from '../effect/amount.ts'
import {
  makePrices,
  type Prices,
  type PriceSource,
  type PriceTier,
  type PriceTiers,
  type ServiceTier,
  type TokenRates,
} from './prices.ts'

/** US dollars for a million tokens, as decimals with at most six decimals. */
export type RateList = {
  readonly inputPerMillionUsd: string
  readonly cachedInputPerMillionUsd?: string | undefined
  readonly cacheWritePerMillionUsd?: string | undefined
  readonly cacheWrite1hPerMillionUsd?: string | undefined
  readonly outputPerMillionUsd: string
  readonly reasoningPerMillionUsd?: string | undefined
  readonly mediaInputPerMillionUsd?: string | undefined
  readonly mediaOutputPerMillionUsd?: string | undefined
}

export type TierList = RateList & { readonly abovePromptTokens: number }

type TieredList = RateList & { readonly tiers?: readonly TierList[] | undefined }

export type PriceList = TieredList & {
  /** US dollars for the call itself, with at most nine decimals. */
  readonly perCallUsd?: string | undefined
} & { readonly [Tier in ServiceTier]?: TieredList | undefined }

export const serviceTiers: readonly ServiceTier[] = ['batch', 'flex', 'priority']

/** Pico-USD of one token: 1 USD for 10^6 tokens is 10^12 / 10^6. Six decimals stay whole. */
export function picoUsdPerToken(perMillionUsd: string): bigint | undefined {
  return decimalToUnits(perMillionUsd, 6)
}

export type PriceOrigin = {
  readonly source: PriceSource
  readonly from: string
  readonly edition: string
  /** Anthropic charges for cache writes by fixed multiples of the input price. */
  readonly wire: 'openai' | 'anthropic'
}

/** Prices ready to be counted with. The list has been checked with `priceListProblems`. */
export function compilePriceList(list: PriceList, origin: PriceOrigin): Prices {
  const { source, from, edition, wire } = origin
  const others = serviceTiers.flatMap((name) => {
    const own = list[name]
    return own === undefined ? [] : [[name, compileTiers(own, wire)] as const]
  })
  return makePrices({
    tiers: compileTiers(list, wire),
    serviceTiers: Object.fromEntries(others),
    call: exact(decimalToUnits(list.perCallUsd ?? '0', 12)),
    source,
    from,
    edition,
  })
}

const noRates: TokenRates = {
  input: 0n,
  cachedInput: 0n,
  cacheWrite: 0n,
  cacheWriteLong: 0n,
  output: 0n,
  reasoning: 0n,
  mediaInput: 0n,
  mediaOutput: 0n,
}

/** A model that costs nothing, because somebody said so. */
export const freePrices: Prices = flatOf(0n, 'free')

/** The same sum for every call, of a model whose price nobody knows. */
export function flatPrices(callNanoUsd: bigint): Prices {
  return flatOf(callNanoUsd * 1000n, 'flat')
}

function flatOf(call: bigint, source: PriceSource): Prices {
  const tiers: PriceTiers = [{ abovePromptTokens: -1n, rates: noRates }]
  return makePrices({ tiers, serviceTiers: {}, call, source, from: '', edition: '' })
}

export type PriceListProblem = {
  readonly path: readonly (string | number)[]
  readonly value: unknown
  readonly expected: string
}

/** What is wrong with a list of the right shape: too many decimals, tiers that do not rise. */
export function priceListProblems(list: PriceList): PriceListProblem[] {
  const others = serviceTiers.flatMap((name) => {
    const own = list[name]
    return own === undefined ? [] : tieredProblems([name], own)
  })
  const { perCallUsd = '0' } = list
  const isCallExact = decimalToUnits(perCallUsd, 9) !== undefined
  const expected = 'US dollars with at most 9 decimals'
  const call = isCallExact ? [] : [{ path: ['perCallUsd'], value: perCallUsd, expected }]
  return [...tieredProblems([], list), ...others, ...call]
}

function tieredProblems(path: readonly string[], list: TieredList): PriceListProblem[] {
  const tiers = list.tiers ?? []
  const expected = 'more prompt tokens than the tier before it'
  return [
    ...rateProblems(path, list),
    ...tiers.flatMap((tier, index) => rateProblems([...path, 'tiers', index], tier)),
    ...tiers.flatMap(({ abovePromptTokens: value }, index) =>
      value > (tiers[index - 1]?.abovePromptTokens ?? 0)
        ? []
        : [{ path: [...path, 'tiers', index, 'abovePromptTokens'], value, expected }],
    ),
  ]
}

function rateProblems(path: readonly (string | number)[], list: RateList): PriceListProblem[] {
  return Object.entries(list).flatMap(([field, value]) =>
    !field.endsWith('PerMillionUsd') ||
    value === undefined ||
    (typeof value === 'string' && picoUsdPerToken(value) !== undefined)
      ? []
      : [
          {
            path: [...path, field],
            value,
            expected: 'at most 6 decimals: a whole number of pico-USD for one token',
          },
        ],
  )
}

function compileTiers(list: TieredList, wire: PriceOrigin['wire']): PriceTiers {
  const first: PriceTier = { abovePromptTokens: -1n, rates: compileRates(list, wire) }
  const others = (list.tiers ?? []).map((tier) => ({
    abovePromptTokens: BigInt(tier.abovePromptTokens),
    rates: compileRates(tier, wire),
  }))
  return [first, ...others]
}

/**
 * What a list leaves out is never zero: cached input costs as input, reasoning as output. Cache
 * writes cost as input, but at Anthropic, which asks 1.25 times that for five minutes and twice
 * for an hour.
 */
function compileRates(list: RateList, wire: PriceOrigin['wire']): TokenRates {
  const input = exact(picoUsdPerToken(list.inputPerMillionUsd))
  const output = exact(picoUsdPerToken(list.outputPerMillionUsd))
  const or = (text: string | undefined, absent: bigint): bigint =>
    text === undefined ? absent : exact(picoUsdPerToken(text))
  const writes = wire === 'anthropic' ? { short: (input * 5n + 3n) / 4n, long: input * 2n } : null
  const cacheWrite = or(list.cacheWritePerMillionUsd, writes?.short ?? input)
  return {
    input,
    cachedInput: or(list.cachedInputPerMillionUsd, input),
    cacheWrite,
    cacheWriteLong: or(list.cacheWrite1hPerMillionUsd, writes?.long ?? cacheWrite),
    output,
    reasoning: or(list.reasoningPerMillionUsd, output),
    mediaInput: or(list.mediaInputPerMillionUsd, input),
    mediaOutput: or(list.mediaOutputPerMillionUsd, output),
  }
}

function exact(units: bigint | undefined): bigint {
  if (units === undefined) throw new Error('a price that was not checked')
  return units
}
