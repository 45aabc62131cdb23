// What a model call may cost, and what it has cost. Any endpoint of the model may take it, so the
// bound is the dearest one's.
import type { Amounts } from '../../core/budget/budget.ts'
import type { CompiledEndpoint, CompiledModel } from '../../core/pact/compiled.ts'
import {
  costNanoUsd,
  type Prices,
  type ServiceTier,
  worstCaseNanoUsd,
} from '../../core/pricing/prices.ts'
import type { TokenUsage } from '../../store/recorder/types.ts'
import type { ModelRequest, PriceTerms } from './wire.ts'

export type Tokens = {
  readonly promptTokens: bigint
  readonly completionTokens: bigint
  /** See `isPlain`. */
  readonly isPlain: boolean
}

/** The most that so many tokens can cost at any endpoint; one without a price is not asked. */
export function boundAmounts(model: CompiledModel, tokens: Tokens): Amounts {
  const { promptTokens, completionTokens } = tokens
  let nanoUsd = 0n
  for (const { prices } of model.endpoints) {
    if (prices === undefined) continue
    const cost = worstCaseNanoUsd(prices, promptTokens, completionTokens, tokens)
    if (cost > nanoUsd) nanoUsd = cost
  }
  return {
    calls: 1n,
    tokens: promptTokens + completionTokens,
    nanoUsd,
    inputTokens: promptTokens,
    outputTokens: completionTokens,
  }
}

/** Members that make tokens dearer, and the escapes in which their names could hide. */
const dearMembers = ['cache_control', 'modalities', '\\u004', '\\u005', '\\u006', '\\u007']

/**
 * Whether a body holds text alone, and asks for no cache writes and no speech: then the dearer
 * prices of those do not have to be held. Said only of what is known to be so.
 */
export function isPlain(
  model: CompiledModel,
  body: Buffer,
  { inlineParts, outside }: Pick<ModelRequest, 'inlineParts' | 'outside'>,
): boolean {
  if (inlineParts > 0 || outside !== undefined) return false
  const hasDear = model.endpoints.some(({ prices }) => prices?.worst.some(isDearer) === true)
  return hasDear && !dearMembers.some((member) => body.includes(member))
}

function isDearer(tier: Prices['worst'][number]): boolean {
  return tier.input !== tier.plainInput || tier.output !== tier.plainOutput
}

/** True where a call may meet an endpoint whose price nobody knows. */
export function hasUnknownPrice(model: CompiledModel): boolean {
  return model.endpoints.some((endpoint) => endpoint.prices === undefined)
}

/** Whether every endpoint has a price for calls that are served so; free and flat ones always do. */
export function isPricedAs(model: CompiledModel, tier: ServiceTier | undefined): boolean {
  return model.endpoints.every(({ prices }) => {
    if (prices?.source === 'free' || prices?.source === 'flat') return true
    return tier !== undefined && prices?.serviceTiers[tier] !== undefined
  })
}

/** What a call has cost at an endpoint, from its usage. */
export function priceUsage(
  endpoint: CompiledEndpoint,
  usage: TokenUsage,
  terms?: PriceTerms,
): Amounts {
  const { promptTokens, completionTokens } = usage
  const { prices } = endpoint
  return {
    calls: 1n,
    tokens: BigInt(promptTokens) + BigInt(completionTokens),
    nanoUsd:
      prices === undefined ? 0n : costNanoUsd(prices, terms ? { ...usage, ...terms } : usage),
    inputTokens: BigInt(promptTokens),
    outputTokens: BigInt(completionTokens),
  }
}
