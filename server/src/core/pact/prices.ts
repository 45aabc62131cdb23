// Limits of a manifest: US dollars as decimal text to integer nano-USD, exactly.
import { decimalToUnits } from '../effect/amount.ts'
import type { Manifest } from './manifest-schema.ts'
import type { CompiledLimit } from './compiled.ts'

type Limit = Manifest['limits']['session']

/** As a manifest names them. */
export const limitFields = ['calls', 'tokens', 'inputTokens', 'outputTokens', 'moneyUsd'] as const

/** Calls of a default session that the manifest says nothing about. */
const DEFAULT_SESSION_CALLS = 20

/** A limit of the manifest with its money in nano-USD. */
export function compileLimit(limit: Limit): CompiledLimit {
  const moneyNanoUsd = limit.moneyUsd === undefined ? undefined : decimalToUnits(limit.moneyUsd, 9)
  const { calls, tokens, inputTokens, outputTokens } = limit
  return { calls, tokens, inputTokens, outputTokens, moneyNanoUsd }
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
    inputTokens: own.inputTokens ?? session.inputTokens,
    outputTokens: own.outputTokens ?? session.outputTokens,
    moneyNanoUsd: own.moneyNanoUsd ?? session.moneyNanoUsd,
  }
  return { session, agent: compileLimit(limits.agent), defaultSession }
}

/** The tighter of two limits, unit by unit. */
export function narrowLimit(one: CompiledLimit, other: CompiledLimit): CompiledLimit {
  return {
    calls: least(one.calls, other.calls),
    tokens: least(one.tokens, other.tokens),
    inputTokens: least(one.inputTokens, other.inputTokens),
    outputTokens: least(one.outputTokens, other.outputTokens),
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
