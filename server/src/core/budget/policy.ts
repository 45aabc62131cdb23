// A budget of an organisation: whom it is for, in which windows, and what happens when it is hit.
import { atMost, type Budget, type BudgetUnit, noLimit } from './budget.ts'
import type { BudgetWindow } from './window.ts'

export type PolicyScope = 'organisation' | 'team' | 'agent' | 'version' | 'user' | 'session'

export const policyScopes: readonly PolicyScope[] = [
  'organisation',
  'team',
  'agent',
  'version',
  'user',
  'session',
]

export type FormerWindow = {
  readonly window: BudgetWindow
  readonly untilMs: number
  /** Counts the changes of the window: ledgers of two windows are never one. */
  readonly generation: number
}

export type Policy = {
  readonly policyId: string
  readonly name: string
  readonly scope: PolicyScope
  /** The one subject it is for; undefined: each has a ledger of its own. */
  readonly subject: string | undefined
  readonly window: BudgetWindow
  /** In the order of `budgetUnits`; undefined is no limit. */
  readonly limits: readonly (bigint | undefined)[]
  readonly onHit: 'block' | 'redirect'
  /** Tools' money counts as US dollars, beside what models cost. */
  readonly countsToolMoney?: boolean
  /** Percent of a limit, ascending. */
  readonly alerts: readonly number[]
  /** The windows that it had before, newest first. */
  readonly former: readonly FormerWindow[]
  readonly isActive: boolean
}

export function generationOf({ former }: Pick<Policy, 'former'>): number {
  return former[0] === undefined ? 0 : former[0].generation + 1
}

/** What lies further back is forgotten. */
export const formerMax = 32

/**
 * The former windows once the window changes. A rolling window that is only longer or shorter keeps
 * its ledgers; but what has left the shorter one does not come back.
 */
export function formerAfter(
  policy: Pick<Policy, 'window' | 'former'>,
  window: BudgetWindow,
  nowMs: number,
): Policy['former'] {
  const { window: before, former } = policy
  const isSame = JSON.stringify(before) === JSON.stringify(window)
  if (isSame || (before.kind === 'rolling' && window.kind === 'rolling')) return former
  const generation = generationOf(policy)
  return [{ window: before, untilMs: nowMs, generation }, ...former].slice(0, formerMax)
}

const memoryMs = 366 * 24 * 3600 * 1000

/** A window that is forgotten takes what it counted with it: none may be that ended within a year. */
export function forgetsTooEarly(
  before: Policy['former'],
  change: { readonly after: Policy['former']; readonly nowMs: number },
): boolean {
  const oldest = before.at(-1)
  const isDropped = change.after !== before && before.length === formerMax && oldest !== undefined
  return isDropped && oldest.untilMs >= change.nowMs - memoryMs
}

/** Whom a call counts for. `team` is the owner of its agent. */
export type PolicySubjects = {
  readonly team: string
  readonly agentId: string
  readonly versionId: string
  readonly endUser: string
  readonly sessionId: string
}

/** The subject whose ledger of this policy the call counts in; undefined where it is not for it. */
export function subjectOf(policy: Policy, of: PolicySubjects): string | undefined {
  if (!policy.isActive) return undefined
  const subject = subjectIn(policy.scope, of)
  return policy.subject === undefined || policy.subject === subject ? subject : undefined
}

function subjectIn(scope: PolicyScope, of: PolicySubjects): string {
  const subjects: Readonly<Record<PolicyScope, string>> = {
    organisation: '',
    team: of.team,
    agent: of.agentId,
    version: of.versionId,
    // Whoever names no user shares the ledger of nobody: a budget must not end by saying nothing.
    user: of.endUser,
    session: of.sessionId,
  }
  return subjects[scope]
}

export type PassedThreshold = {
  readonly threshold: number
  readonly unit: BudgetUnit
  readonly used: bigint
  readonly limit: bigint
}

/** What counts for an alert: what was used, and what may have been; not what calls still hold. */
function usedOf(budget: Budget): bigint {
  return atMost(budget.settled + budget.unknown + budget.overrun)
}

/**
 * The thresholds that any of the budgets has passed. `hit` is one that had no room for a call which
 * an empty budget would hold: it is used up as far as it matters, and counts as 100 %.
 */
export function passedThresholds(
  budgets: readonly Budget[],
  alerts: readonly number[],
  hit?: Budget,
): PassedThreshold[] {
  return alerts.flatMap((threshold) => {
    const budget = budgets.find(
      (each) => isPassed(each, threshold) || (each === hit && threshold === 100),
    )
    if (budget === undefined) return []
    return [{ threshold, unit: budget.unit, used: usedOf(budget), limit: budget.limit }]
  })
}

function isPassed(budget: Budget, threshold: number): boolean {
  const used = usedOf(budget)
  return budget.limit !== noLimit && used > 0n && used * 100n >= budget.limit * BigInt(threshold)
}
