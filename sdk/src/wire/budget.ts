// Budgets of the organisation, and model calls whose use nobody knows. A session's and an agent's own
// limits are in `agent.ts` and `session.ts`.
import type { Budget } from './agent.ts'

export type BudgetScope = 'organisation' | 'team' | 'agent' | 'version' | 'user' | 'session'

export type BudgetWindow =
  /** Forever. */
  | { readonly kind: 'whole' }
  /** `zone` is an IANA name; a week begins on Monday. */
  | {
      readonly kind: 'calendar'
      readonly unit: 'hour' | 'day' | 'week' | 'month'
      readonly zone: string
    }
  /** From 60 seconds to 366 days. */
  | { readonly kind: 'rolling'; readonly seconds: number }

export type BudgetLimits = {
  readonly calls?: number
  /** Input and output together. */
  readonly tokens?: number
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly moneyUsd?: string
}

/** POST /v1/budgets/{name}: all of it. What is left out takes its default, not what was set before. */
export type SetBudget = {
  readonly scope: BudgetScope
  /**
   * The one it is for: an agent (id or name), a version (id, or `name v2`), a team (the owner of its
   * agents), a user, a session. Left out, each of them has a ledger of its own.
   */
  readonly subject?: string
  readonly window: BudgetWindow
  /** At least one. */
  readonly limits: BudgetLimits
  /** `block` by default; `redirect`: a model's `onBudget` may send the call elsewhere. */
  readonly onHit?: 'block' | 'redirect'
  /** Tools' money counts beside what models cost; false by default. */
  readonly includeToolMoney?: boolean
  /** Percent of a limit; 50, 80 and 100 by default. */
  readonly alerts?: readonly number[]
}

/** What is used of one unit. Amounts are decimal strings of integers; money is nano-USD. */
export type BudgetUse = {
  readonly unit: Budget['unit']
  /** Null where the unit is only counted. */
  readonly limit: string | null
  readonly settled: string
  /** Held by calls in flight. */
  readonly reserved: string
  /** Held by gateways for calls that may leave before their entry is durable. */
  readonly leased: string
  /** Of calls, and of leases, whose end nobody knows: held until they are reconciled. */
  readonly unknown: string
  /** What providers reported above what was held. */
  readonly overrun: string
  /** (settled + unknown + overrun) of the limit, rounded down to tenths; null without a limit. */
  readonly percent: number | null
}

export type BudgetLedger = {
  readonly id: string
  /** The agent, team, version (`name v2`), session or user; empty for the organisation. */
  readonly subject: string
  /** Of a calendar's period; null where the window never begins or ends, or rolls. */
  readonly windowStart: string | null
  readonly windowEnd: string | null
  readonly units: readonly BudgetUse[]
}

export type BudgetPolicy = {
  readonly id: string
  readonly name: string
  readonly scope: BudgetScope
  /** Null: each has a ledger of its own. */
  readonly subject: string | null
  /** The same for people: an agent's name, `name v2` of a version. */
  readonly subjectName: string | null
  readonly window: BudgetWindow
  readonly limits: BudgetLimits
  readonly onHit: 'block' | 'redirect'
  readonly includeToolMoney: boolean
  readonly alerts: readonly number[]
  readonly createdAt: string
  readonly createdBy: string
  readonly changedAt: string
  readonly changedBy: string
  /** Of the period that runs: those with most use first, at most as many as were asked for. */
  readonly ledgers: readonly BudgetLedger[]
}

/** GET /v1/budgets: by name, all of them (at most 100). */
export type BudgetList = { readonly budgets: readonly BudgetPolicy[] }

export type BudgetSet = { readonly budget: BudgetPolicy; readonly created: boolean }

/** POST /v1/budgets/{name}/remove */
export type RemovedBudget = { readonly name: string }

/** A threshold that was passed; its entry in the log is `<log>:<seq>`. */
export type BudgetAlert = {
  readonly id: string
  readonly budgetId: string
  /** Empty where the budget was removed and forgotten. */
  readonly budget: string
  readonly ledgerId: string
  /** Whose ledger it is, as `BudgetLedger` says. */
  readonly subject: string
  readonly unit: Budget['unit']
  readonly threshold: number
  readonly used: string
  readonly limit: string
  /** The call that passed it. */
  readonly call: string
  readonly at: string
}

/** GET /v1/budgets/alerts: the newest first. */
export type BudgetAlertPage = {
  readonly alerts: readonly BudgetAlert[]
  readonly next: string | null
}

export type CallAmounts = {
  readonly calls: string
  readonly tokens: string
  readonly inputTokens: string
  readonly outputTokens: string
  readonly costNanoUsd: string
}

/**
 * `estimate`: what was used for certain, or one call where nothing is; `worst`: all that the call
 * holds; `zero`: nothing but what was used for certain, which stays settled. Of a lost lease nothing
 * is certain: `estimate` and `zero` are the same.
 */
export type ReconcileAs = 'estimate' | 'worst' | 'zero'

/** POST /v1/calls/reconcile: either one call, or those that are unknown for a while. */
export type ReconcileCalls = {
  /** Kept beside each call; the log has its hash. */
  readonly reason: string
  /** Only show what would be settled. */
  readonly dryRun?: boolean
  readonly call?: string
  /** What that one call used, from the provider's account; else `as`. */
  readonly usage?: {
    readonly promptTokens: number
    readonly cachedTokens?: number
    readonly completionTokens: number
  }
  /** Left out, the usage is priced as the call's pact says. */
  readonly costUsd?: string
  readonly as?: ReconcileAs
  /** In bulk: calls that are unknown for at least so long. */
  readonly olderThanSeconds?: number
  /** In bulk: id or name. Lost leases are of no agent, and are left out then. */
  readonly agent?: string
  /** In bulk: at most so many calls, the oldest first; 1,000 at most, and by default. */
  readonly limit?: number
}

export type ReconciledCall = {
  readonly id: string
  readonly agentId: string
  readonly agent: string
  readonly model: string
  /** Null where none had answered. */
  readonly endpoint: string | null
  readonly unknownSince: string
  readonly held: CallAmounts
  /** What is settled already, because it was used for certain. */
  readonly certain: CallAmounts | null
  /** What it is settled with, or would be. */
  readonly used: CallAmounts
  /** Null in a dry run. */
  readonly receipt: string | null
}

/** What a gateway held when it died, and may have spent on calls that left no trace. */
export type ReconciledLease = {
  readonly id: string
  readonly replica: string
  /** The ledger: of a session, an agent, or a budget. */
  readonly ledgerId: string
  readonly amounts: CallAmounts
  readonly lostAt: string
}

export type Reconciliation = {
  readonly dryRun: boolean
  readonly calls: readonly ReconciledCall[]
  readonly leases: readonly ReconciledLease[]
  /** More calls or leases wait: ask again. */
  readonly more: boolean
}
