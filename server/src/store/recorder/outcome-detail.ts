// What the outcome of a model call keeps beside its usage: how it was made, and what is certain of a
// call whose end is not known. Lies as JSON in call_outcomes.detail.
import type { EntryValue } from '../../core/audit/entry.ts'
import { commitReason } from '../../core/audit/reason.ts'
import type { Amounts } from '../../core/budget/budget.ts'
import { clip } from './call-rows.ts'
import { amountsOf } from './ledger.ts'
import type { Outcome } from './types.ts'

/** As it lies in the row: what is absent is not known, or as always. */
export type OutcomeDetail = {
  readonly endpoint?: string | undefined
  readonly attempts?: number | undefined
  readonly prices?: string | undefined
  readonly cache?: 'exact' | 'semantic' | undefined
  readonly cacheOf?: string | undefined
  readonly estimated?: true | undefined
  readonly cacheWriteTokens?: number | undefined
  readonly cacheWriteLongTokens?: number | undefined
  readonly reasoningTokens?: number | undefined
  /** In the order of the units, as decimal strings. */
  readonly atLeast?: readonly string[] | undefined
  /** The operator who found out what the call had used, and how that was settled. */
  readonly reconciled?:
    | { readonly operator: string; readonly reason: string; readonly salt: string }
    | undefined
}

/** JSON text, or undefined where there is nothing to keep. */
export function formatDetail(outcome: Outcome): string | undefined {
  const detail = detailOf(outcome)
  return detail === undefined ? undefined : JSON.stringify(detail)
}

export function detailOf(outcome: Outcome): OutcomeDetail | undefined {
  const { usage, usedAtLeast, operatorId, reason } = outcome
  if (usage === undefined && usedAtLeast === undefined && reason === undefined) {
    const { endpoint, attempts, prices, cache } = outcome
    const isBare = [endpoint, attempts, prices, cache].every((value) => value === undefined)
    if (isBare) return undefined
  }
  const detail: OutcomeDetail = {
    endpoint: outcome.endpoint,
    attempts: outcome.attempts,
    prices: outcome.prices,
    cache: outcome.cache,
    cacheOf: outcome.cacheOf,
    estimated: outcome.estimated,
    cacheWriteTokens: usage?.cacheWriteTokens,
    cacheWriteLongTokens: usage?.cacheWriteLongTokens,
    reasoningTokens: usage?.reasoningTokens,
    atLeast: usedAtLeast === undefined ? undefined : listOf(usedAtLeast),
    reconciled:
      reason === undefined || operatorId === undefined
        ? undefined
        : { operator: operatorId, reason: reason.text, salt: reason.salt.toString('base64url') },
  }
  return Object.values(detail).some((value) => value !== undefined) ? detail : undefined
}

function listOf(amounts: Amounts): string[] {
  const { calls, tokens, nanoUsd, inputTokens, outputTokens } = amounts
  return [calls, tokens, nanoUsd, inputTokens, outputTokens].map(String)
}

const endpointLength = 48

/** What the outcome's entry says of it: no more than ids, names of the pact and numbers. */
export function detailInEntry(
  outcome: Outcome,
): Readonly<Record<'atLeast' | 'endpoint' | 'reason', EntryValue | undefined>> {
  const { usedAtLeast, endpoint, reason } = outcome
  return {
    atLeast: usedAtLeast && listOf(usedAtLeast).join(' '),
    endpoint: endpoint && clip(endpoint.slice(0, endpointLength)),
    reason: reason && commitReason(reason.salt, reason.text),
  }
}

/** What was settled of an unknown call already. */
export function settledBeforeOf(detail: unknown): Amounts | undefined {
  if (typeof detail !== 'object' || detail === null || !('atLeast' in detail)) return undefined
  const { atLeast } = detail
  if (!Array.isArray(atLeast)) return undefined
  return amountsOf(atLeast.map((amount: unknown) => (typeof amount === 'string' ? amount : '0')))
}
