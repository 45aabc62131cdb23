// What a model's tokens cost: integer pico-USD (10^-12) for one token, so that 0.000001 US dollars
// for a million is still a whole number. A call is rounded up once, to nano-USD (10^-9).
import { atMost } from '../budget/budget.ts'
import { canonicalJson, sha256Hex } from '../canonical.ts'

/** Pico-USD for one token of each kind. */
export type TokenRates = {
  readonly input: bigint
  /** Read from the provider's cache. */
  readonly cachedInput: bigint
  /** Written to it, for five minutes and for an hour. */
  readonly cacheWrite: bigint
  readonly cacheWriteLong: bigint
  readonly output: bigint
  readonly reasoning: bigint
  /** Sound, images and video, where they cost other than text. */
  readonly mediaInput: bigint
  readonly mediaOutput: bigint
}

/** Rates of the calls whose prompt has more tokens than this; the first tier starts at -1. */
export type PriceTier = { readonly abovePromptTokens: bigint; readonly rates: TokenRates }

export type PriceTiers = readonly [PriceTier, ...PriceTier[]]

/** How a provider may be asked to serve a call at another price than the standard one. */
export type ServiceTier = 'batch' | 'flex' | 'priority'

/** Where prices come from. `flat` is a fixed sum a call, for a model whose price nobody knows. */
export type PriceSource = 'manifest' | 'override' | 'catalogue' | 'free' | 'flat'

export type Prices = {
  readonly tiers: PriceTiers
  readonly serviceTiers: Readonly<Partial<Record<ServiceTier, PriceTiers>>>
  /** Pico-USD for the call itself. */
  readonly call: bigint
  readonly source: PriceSource
  /** `openai/gpt-4.1` in the catalogue or the overrides; empty for the manifest's own. */
  readonly from: string
  /** The catalogue with its version, or the id of the override; empty for others. */
  readonly edition: string
  /** SHA-256 (hex) over rates and source: stands in the entry of each call they were used for. */
  readonly hash: string
  readonly worst: readonly WorstTier[]
}

/** The dearest of all tiers up to this one. */
type WorstTier = {
  readonly abovePromptTokens: bigint
  readonly input: bigint
  readonly output: bigint
  /** Of text that is not written to a cache. */
  readonly plainInput: bigint
  readonly plainOutput: bigint
}

/**
 * Tokens of one call. `promptTokens` are all of the prompt, `completionTokens` all of the output;
 * the others are parts of them: written tokens for five minutes and for an hour do not overlap.
 */
export type PricedUsage = {
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly completionTokens: number
  readonly cacheWriteTokens?: number | undefined
  readonly cacheWriteLongTokens?: number | undefined
  readonly reasoningTokens?: number | undefined
  readonly mediaPromptTokens?: number | undefined
  readonly mediaCompletionTokens?: number | undefined
  readonly serviceTier?: ServiceTier | undefined
}

const picoPerNano = 1000n

export type PricesInput = Pick<
  Prices,
  'tiers' | 'serviceTiers' | 'call' | 'source' | 'from' | 'edition'
>

/** Completes prices with their hash and their worst case. Tiers must be sorted, lowest first. */
export function makePrices(input: PricesInput): Prices {
  return { ...input, hash: hashPrices(input), worst: worstTiers(input) }
}

/** What a call has cost in nano-USD, rounded up. Parts beyond their whole are still paid for. */
export function costNanoUsd(prices: Prices, usage: PricedUsage): bigint {
  const { serviceTier } = usage
  const own = serviceTier === undefined ? undefined : prices.serviceTiers[serviceTier]
  const rates = ratesAt(own ?? prices.tiers, usage.promptTokens)
  const cached = usage.cachedTokens
  const written = usage.cacheWriteTokens ?? 0
  const writtenLong = usage.cacheWriteLongTokens ?? 0
  const rest = Math.max(0, usage.promptTokens - cached - written - writtenLong)
  const media = Math.min(usage.mediaPromptTokens ?? 0, rest)
  const mediaOut = Math.min(usage.mediaCompletionTokens ?? 0, usage.completionTokens)
  const reasoning = usage.reasoningTokens ?? 0
  const said = Math.max(0, usage.completionTokens - reasoning - mediaOut)
  let pico = prices.call + BigInt(rest - media) * rates.input + BigInt(said) * rates.output
  if (cached > 0) pico += BigInt(cached) * rates.cachedInput
  if (written > 0) pico += BigInt(written) * rates.cacheWrite
  if (writtenLong > 0) pico += BigInt(writtenLong) * rates.cacheWriteLong
  if (reasoning > 0) pico += BigInt(reasoning) * rates.reasoning
  if (media > 0) pico += BigInt(media) * rates.mediaInput
  if (mediaOut > 0) pico += BigInt(mediaOut) * rates.mediaOutput
  return nanoUsd(pico)
}

/**
 * The most nano-USD that a call can cost with at most so many tokens, whatever they turn out to be:
 * in any tier up to there, written to a cache, spoken. It never falls when a count grows.
 * `isPlain`: the request is known to hold text only and to ask for no cache writes.
 */
export function worstCaseNanoUsd(
  prices: Prices,
  promptTokens: bigint,
  completionTokens: bigint,
  { isPlain = false }: { readonly isPlain?: boolean } = {},
): bigint {
  let [worst] = prices.worst
  for (const tier of prices.worst) if (promptTokens > tier.abovePromptTokens) worst = tier
  if (worst === undefined) throw new Error('prices without a tier')
  const input = isPlain ? worst.plainInput : worst.input
  const output = isPlain ? worst.plainOutput : worst.output
  return nanoUsd(prices.call + promptTokens * input + completionTokens * output)
}

/** The rates of a call with a prompt of so many tokens. */
export function ratesAt(tiers: PriceTiers, promptTokens: number): TokenRates {
  let { rates } = tiers[0]
  if (tiers.length === 1) return rates
  for (const tier of tiers) if (promptTokens > tier.abovePromptTokens) rates = tier.rates
  return rates
}

/** Rounded up; no more than a ledger can hold, because counts of tokens may be absurd. */
function nanoUsd(pico: bigint): bigint {
  return atMost((pico + picoPerNano - 1n) / picoPerNano)
}

/** Every tier of every way of service, with the dearest so far: what is cheaper later is no bound. */
function worstTiers({ tiers, serviceTiers }: PricesInput): WorstTier[] {
  const all = [...tiers, ...Object.values(serviceTiers).flat()]
  const starts = [...new Set(all.map((tier) => tier.abovePromptTokens))].toSorted(ascending)
  return starts.map((start) => {
    const below = all.filter((tier) => tier.abovePromptTokens <= start).map(({ rates }) => rates)
    const plainInput = dearest(below.flatMap((rates) => [rates.input, rates.cachedInput]))
    const plainOutput = dearest(below.flatMap((rates) => [rates.output, rates.reasoning]))
    const special = below.flatMap((rates) => [
      rates.cacheWrite,
      rates.cacheWriteLong,
      rates.mediaInput,
    ])
    return {
      abovePromptTokens: start,
      input: dearest([plainInput, ...special]),
      output: dearest([plainOutput, ...below.map((rates) => rates.mediaOutput)]),
      plainInput,
      plainOutput,
    }
  })
}

function dearest(rates: readonly bigint[]): bigint {
  return rates.reduce((most, rate) => (rate > most ? rate : most), 0n)
}

function ascending(one: bigint, other: bigint): number {
  return one < other ? -1 : one > other ? 1 : 0
}

function hashPrices({ tiers, serviceTiers, call, source, from, edition }: PricesInput): string {
  const others = Object.entries(serviceTiers).map(([name, list]) => [name, plainTiers(list)])
  return sha256Hex(
    canonicalJson({
      source,
      from,
      edition,
      call: String(call),
      tiers: plainTiers(tiers),
      serviceTiers: Object.fromEntries(others),
    }),
  )
}

/** Rates as JSON can hold them. */
function plainTiers(tiers: PriceTiers): unknown {
  return tiers.map(({ abovePromptTokens, rates }) => ({
    abovePromptTokens: String(abovePromptTokens),
    ...Object.fromEntries(Object.entries(rates).map(([name, rate]) => [name, String(rate)])),
  }))
}
