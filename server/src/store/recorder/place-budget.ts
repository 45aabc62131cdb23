// Step 4 of the life of a call: what it may use at most is taken from all its ledgers, or from none.
import {
  type Amounts,
  amountIn,
  available,
  type Budget,
  firstExceeded,
  largestFit,
  reserve,
} from '../../core/budget/budget.ts'
import type { Decision, Reason } from '../../core/decision/decision.ts'
import { type Batch, touchLedger, touchSession } from './batch.ts'
import { names } from './call-rows.ts'
import { bringToNow, type Ledger } from './ledger.ts'
import { tellAlerts } from './place-alerts.ts'
import type { SessionState } from './state.ts'
import type { Intent, IntentResult } from './types.ts'

/** Must be called before a session's budgets are asked for room. */
export function bringBudgetsToNow(batch: Batch, session: SessionState): void {
  for (const ledger of session.policyLedgers) bringToNow(ledger, batch.nowMs)
}

/** Takes the amounts from every ledger; gives the ids of those of policies, which the call keeps. */
export function reserveIn(
  batch: Batch,
  session: SessionState,
  amounts: Amounts,
): readonly string[] | undefined {
  touchSession(batch, session)
  const { policyLedgers } = session
  for (const ledger of policyLedgers) touchLedger(batch, ledger)
  reserve(session.budgets, amounts)
  return policyLedgers.length === 0 ? undefined : policyLedgers.map((ledger) => ledger.scopeId)
}

/** What the call reserves once its completion is cut to what is left. */
export type Cut = { readonly completionTokens: bigint; readonly reservation: Amounts }

/** Undefined where the call cannot be cut, or not enough. */
export function cutToFit(budgets: readonly Budget[], intent: Intent): Cut | undefined {
  const { shrink } = intent
  if (shrink === undefined) return undefined
  const completionTokens = largestFit(budgets, {
    min: shrink.completionTokensMin,
    max: shrink.completionTokensMax,
    amounts: shrink.reserve,
  })
  if (completionTokens === undefined) return undefined
  return { completionTokens, reservation: shrink.reserve(completionTokens) }
}

/** The least that the call could do with. */
function leastOf({ shrink, reservation }: Intent): Amounts {
  if (shrink === undefined || shrink.completionTokensMin > shrink.completionTokensMax) {
    return reservation
  }
  return shrink.reserve(shrink.completionTokensMin)
}

/** The first budget without room for the least that the call could do with. */
export function hitBy(session: SessionState, intent: Intent): Budget | undefined {
  return firstExceeded(session.budgets, leastOf(intent))
}

/** The result of an intent that asks to be told where no budget has room. */
export function overResult(
  session: SessionState,
  exceeded: Budget,
  intent: Intent,
): IntentResult & { kind: 'over' } {
  const least = leastOf(intent)
  const isBlocked = session.policyLedgers.some(
    ({ use, budgets }) =>
      use?.policy.onHit === 'block' && firstExceeded(budgets, least) !== undefined,
  )
  return {
    kind: 'over',
    scope: scopeOf(session, exceeded),
    unit: exceeded.unit,
    left: available(exceeded),
    onHit: isBlocked ? 'block' : 'redirect',
  }
}

/**
 * Tells of the threshold of 100 % where a budget refused a call that it would hold were it empty:
 * it is used up, although less than its limit is used.
 */
export function tellHit(
  batch: Batch,
  session: SessionState,
  of: { readonly intent: Intent; readonly hit: Budget },
): void {
  const { intent, hit } = of
  const ledger = policyLedgerOf(session, hit)
  if (ledger === undefined || amountIn(leastOf(intent), hit.unit) > hit.limit) return
  tellAlerts(batch, ledger, { call: names(intent), hit })
}

/** The ledger of a policy that the budget is of. */
function policyLedgerOf(session: SessionState, budget: Budget): Ledger | undefined {
  return session.policyLedgers.find((ledger) => ledger.scopeId === budget.scopeId)
}

/** `session`, `agent`, or the policy's name. */
function scopeOf(session: SessionState, budget: Budget): string {
  const policy = policyLedgerOf(session, budget)?.use?.policy
  if (policy !== undefined) return policy.name
  return budget.scopeId === session.id ? 'session' : 'agent'
}

export function overBudget(
  decision: Decision,
  exceeded: Budget,
  of: { readonly session: SessionState; readonly intent: Intent },
): Decision {
  const wanted = amountIn(leastOf(of.intent), exceeded.unit)
  const { limit, unit } = exceeded
  const reason: Reason = {
    rule: `budget.${unit}`,
    verdict: 'deny',
    reason:
      `needs ${wanted} ${unit}, ${available(exceeded)} of ${limit} left ` +
      `(${scopeOf(of.session, exceeded)})`,
  }
  return { verdict: 'deny', code: 'budget.exceeded', reasons: [...decision.reasons, reason] }
}
