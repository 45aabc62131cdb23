// US dollars as decimal text to integer nano-USD, exactly.
import { decimalToUnits } from '../effect/amount.ts'
import type { Manifest } from './manifest-schema.ts'
import type { CompiledLimit, Prices } from './compiled.ts'

/** Nano-USD of one token at a price for a million; undefined when that is no whole number. */
export function priceNanoUsd(perMillionUsd: string): bigint | undefined {
  // 1 USD for 10^6 tokens is 10^9 nano-USD / 10^6 = 1,000 for one: three decimals stay whole.
  return decimalToUnits(perMillionUsd, 3)
}

/** The prices of a model, or undefined when one of them is inexact. */
export function compilePrices(prices: Manifest['models'][number]['prices']): Prices | undefined {
  const inputNanoUsd = priceNanoUsd(prices.inputPerMillionUsd)
  const cached = prices.cachedInputPerMillionUsd ?? prices.inputPerMillionUsd
  const cachedInputNanoUsd = priceNanoUsd(cached)
  const outputNanoUsd = priceNanoUsd(prices.outputPerMillionUsd)
  if (inputNanoUsd === undefined || cachedInputNanoUsd === undefined) return undefined
  return outputNanoUsd === undefined
    ? undefined
    : { inputNanoUsd, cachedInputNanoUsd, outputNanoUsd }
}

type Limit = Manifest['limits']['session']

/** Calls of a default session that the manifest says nothing about. */
const DEFAULT_SESSION_CALLS = 20

/** A limit of the manifest with its money in nano-USD. */
export function compileLimit(limit: Limit): CompiledLimit {
  const moneyNanoUsd = limit.moneyUsd === undefined ? undefined : decimalToUnits(limit.moneyUsd, 9)
  return { calls: limit.calls, tokens: limit.tokens, moneyNanoUsd }
}

/**
 * The budgets of sessions, the agent, and the default session, which inherits what it does not
 * narrow.
 */
export function compileLimits(limits: Manifest['limits']): {
  readonly session: CompiledLimit
  readonly agent: CompiledLimit
  readonly defaultSession: CompiledLimit
} {
  const session = compileLimit(limits.session)
  const own = compileLimit(limits.defaultSession)
  const calls = own.calls ?? Math.min(DEFAULT_SESSION_CALLS, session.calls ?? DEFAULT_SESSION_CALLS)
  const defaultSession = {
    calls,
    tokens: own.tokens ?? session.tokens,
    moneyNanoUsd: own.moneyNanoUsd ?? session.moneyNanoUsd,
  }
  return { session, agent: compileLimit(limits.agent), defaultSession }
}

/** The tighter of two limits, unit by unit. */
export function narrowLimit(one: CompiledLimit, other: CompiledLimit): CompiledLimit {
  return {
    calls: least(one.calls, other.calls),
    tokens: least(one.tokens, other.tokens),
    moneyNanoUsd: least(one.moneyNanoUsd, other.moneyNanoUsd),
  }
}

function least<Amount extends number | bigint>(
  one: Amount | undefined,
  other: Amount | undefined,
): Amount | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one < other ? one : other
}
