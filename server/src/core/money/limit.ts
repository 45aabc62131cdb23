// A limit on the money that tools move: whom and which tools it is for, and what it bounds.
import type { FormerWindow } from '../budget/policy.ts'
import type { BudgetWindow } from '../budget/window.ts'
import { matchesPattern } from './counterparty.ts'
import type { AssetId } from './asset.ts'

export const limitScopes = ['organisation', 'team', 'agent', 'session'] as const
export type LimitScope = (typeof limitScopes)[number]

/**
 * transaction: each call alone. window: all calls of a window together. open: what is authorised and
 * neither captured nor voided. ask: these tools always need a person. allow, block: counterparties.
 */
export const limitKinds = ['transaction', 'window', 'open', 'ask', 'allow', 'block'] as const
export type LimitKind = (typeof limitKinds)[number]

/** A counterparty of a list: a keyed digest of one, or a pattern with `*`. */
export type ListedParty = { readonly digest: string } | { readonly pattern: string }

/** What of a limit may be changed under its name. */
export type LimitTerms = {
  /** Minor units of the asset; undefined is no bound. */
  readonly max: bigint | undefined
  /** Calls. */
  readonly countMax: bigint | undefined
  readonly window: BudgetWindow
  /** Globs of `server/tool`. */
  readonly actions: readonly string[]
  readonly parties: readonly ListedParty[]
  /** What comes back makes room again. */
  readonly refundsRefill: boolean
}

/** What of a limit is fixed by its name: remove it to change that. */
export type LimitShape = {
  readonly kind: LimitKind
  readonly scope: LimitScope
  /** The one subject it is for; undefined: each has a ledger of its own. */
  readonly subject: string | undefined
  /** What `max` is in; undefined where there is none. */
  readonly asset: AssetId | undefined
  /** Calls in other assets are converted and count; else they do not. */
  readonly converts: boolean
  /** Each counterparty has a ledger of its own. */
  readonly eachParty: boolean
}

export type Limit = LimitShape &
  LimitTerms & {
    readonly limitId: string
    readonly name: string
    /** The windows that it had before, newest first. */
    readonly former: readonly FormerWindow[]
    readonly isActive: boolean
  }

/** Whom a call counts for. `team` is the owner of its agent. */
export type LimitSubjects = {
  readonly team: string
  readonly agentId: string
  readonly sessionId: string
}

/** The subject whose ledger the call counts in; undefined where the limit is not for it. */
export function limitSubject(
  limit: Pick<Limit, 'isActive' | 'scope' | 'subject'>,
  of: LimitSubjects,
): string | undefined {
  if (!limit.isActive) return undefined
  const subjects: Readonly<Record<LimitScope, string>> = {
    organisation: '',
    team: of.team,
    agent: of.agentId,
    session: of.sessionId,
  }
  const subject = subjects[limit.scope]
  return limit.subject === undefined || limit.subject === subject ? subject : undefined
}

export function coversAction(limit: Pick<LimitTerms, 'actions'>, action: string): boolean {
  return limit.actions.some((glob) => matchesPattern(action, glob))
}

/** Whether the limit is for this very tool, and not for whatever fits a pattern. */
export function namesAction(limit: Pick<LimitTerms, 'actions'>, action: string): boolean {
  return limit.actions.includes(action)
}

/** Whether the limit asks about calls whose contract says nothing of money. */
export function asksUndeclared(limit: Pick<Limit, 'kind' | 'actions'>, action: string): boolean {
  return limit.kind === 'ask' ? coversAction(limit, action) : namesAction(limit, action)
}
