// What a model call may cost, and what it has cost. Any endpoint of the model may take it, so the
// bound is the dearest one's.
import type { Amounts } from '../../core/budget/budget.ts'
import type { CompiledEndpoint, CompiledModel } from '../../core/pact/compiled.ts'
import { costNanoUsd, worstCaseNanoUsd } from '../../core/pricing/prices.ts'
import type { TokenUsage } from '../../store/recorder/types.ts'
import type { PriceTerms } from './wire.ts'

/** The most that so many tokens can cost at any endpoint; one without a price is not asked. */
export function boundAmounts(
  model: CompiledModel,
  promptTokens: bigint,
  completionTokens: bigint,
): Amounts {
  let nanoUsd = 0n
  for (const { prices } of model.endpoints) {
    if (prices === undefined) continue
    const cost = worstCaseNanoUsd(prices, promptTokens, completionTokens)
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

/** True where a call may meet an endpoint whose price nobody knows. */
export function hasUnknownPrice(model: CompiledModel): boolean {
  return model.endpoints.some((endpoint) => endpoint.prices === undefined)
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
