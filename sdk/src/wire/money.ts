// Limits on the money that tools move, and what assets are worth in one another.
import type { BudgetWindow } from './budget.ts'

export type LimitKind = 'transaction' | 'window' | 'open' | 'ask' | 'allow' | 'block'
export type LimitScope = 'organisation' | 'team' | 'agent' | 'session'

/**
 * POST /v1/limits/{name}: all of it. Kind, scope, subject, asset, `converts` and `eachCounterparty` are
 * fixed by the name. What loosens a limit is proposed, and waits for a second person.
 */
export type SetLimit = {
  readonly kind: LimitKind
  readonly scope: LimitScope
  /** An agent (id or name), a team (the owner of its agents), a session; left out: each of them. */
  readonly subject?: string
  /** `USD`, `iso4217:USD`, or a CAIP-19 asset that is registered. Needed with `max`. */
  readonly asset?: string
  /** In major units: `100.00`. */
  readonly max?: string
  /** Calls in the window, or open at once. */
  readonly countMax?: number
  /** Of the kind `window`. */
  readonly window?: BudgetWindow
  /** Globs of `server/tool`; every tool by default. The kind `ask` needs them. */
  readonly actions?: readonly string[]
  /** Of the kinds `allow` and `block`: identifiers, or patterns with `*`. */
  readonly counterparties?: readonly string[]
  /** Calls in other assets are converted by quotes and count; true by default. */
  readonly converts?: boolean
  /** Each counterparty has a share of its own. */
  readonly eachCounterparty?: boolean
  /** What comes back makes room again; false by default. */
  readonly refundsRefill?: boolean
  /** Why; needed where the limit is loosened. */
  readonly reason?: string
}

/** Amounts are decimal strings in major units of the limit's asset; `0` where it has none. */
export type LimitUse = {
  readonly settled: string
  /** Held by calls in flight. */
  readonly reserved: string
  /** Held by calls whose end nobody knows. */
  readonly unknown: string
}

export type LimitLedger = {
  readonly id: string
  /** The agent's or session's id, or the team; empty for the organisation. */
  readonly subject: string
  /** Of a calendar's period; null where it rolls or never ends. */
  readonly windowStart: string | null
  readonly windowEnd: string | null
  readonly amount: LimitUse
  readonly calls: LimitUse
}

export type Limit = {
  readonly id: string
  readonly name: string
  readonly kind: LimitKind
  readonly scope: LimitScope
  /** Null: each has a ledger of its own. */
  readonly subject: string | null
  readonly subjectName: string | null
  readonly asset: string | null
  readonly max: string | null
  readonly countMax: number | null
  readonly window: BudgetWindow
  readonly actions: readonly string[]
  /** Patterns as they are; of identifiers only how many, because the server keeps digests. */
  readonly patterns: readonly string[]
  readonly counterparties: number
  readonly converts: boolean
  readonly eachCounterparty: boolean
  readonly refundsRefill: boolean
  readonly createdAt: string
  readonly createdBy: string
  readonly changedAt: string
  readonly changedBy: string
  /** Of the period that runs: those with most use first. */
  readonly ledgers: readonly LimitLedger[]
}

/** GET /v1/limits: by name, all of them (at most 100). */
export type LimitList = { readonly limits: readonly Limit[] }

export type LimitSet = {
  /** As it is now: unchanged where the change was proposed. */
  readonly limit: Limit
  readonly created: boolean
  /** Set where the change loosens the limit: another operator confirms the proposal of this id. */
  readonly proposal: string | null
  /** What is looser: `max`, `countMax`, `window`, `actions`, `parties`, `refundsRefill`. */
  readonly loosened: readonly string[]
}

/** POST /v1/limits/{name}/remove */
export type RemoveLimit = { readonly reason: string }
/** Another operator confirms the proposal of this id; until then the limit holds. */
export type LimitRemoval = { readonly name: string; readonly proposal: string }

/** POST /v1/assets */
export type AddAsset = {
  /** CAIP-19. */
  readonly asset: string
  readonly decimals: number
}

export type Asset = {
  readonly asset: string
  readonly decimals: number
  readonly addedAt: string
  readonly addedBy: string
}

export type AssetList = { readonly assets: readonly Asset[] }

/**
 * POST /v1/quotes. The first of a pair is proposed, as is a rate more than a tenth below the last one
 * that two people agreed on: by them more money leaves.
 */
export type SetQuote = {
  readonly base: string
  readonly quoted: string
  /** What one major unit of `base` is worth in major units of `quoted`. */
  readonly rate: string
  readonly source: string
  /** When it was true; now by default. */
  readonly at?: string
  /** How long it may be used; a day by default. */
  readonly maxAgeSeconds?: number
}

export type Quote = {
  readonly base: string
  readonly quoted: string
  /** As a fraction: numerator / denominator. */
  readonly numerator: string
  readonly denominator: string
  readonly at: string
  readonly maxAgeSeconds: number
  readonly source: string
  /** Nothing is converted by a quote that is not fresh. */
  readonly isFresh: boolean
  readonly setAt: string
  readonly setBy: string
}

export type QuoteList = { readonly quotes: readonly Quote[] }

export type QuoteSet = {
  /** As it is now: unchanged where the quote was proposed, null where the pair has none. */
  readonly quote: Quote | null
  /** Set where it takes two people: another operator confirms the proposal of this id. */
  readonly proposal: string | null
}

/** Money that is set aside, and neither captured nor voided. */
export type Authorisation = {
  /** The call that opened it, by which it is named. */
  readonly callId: string
  readonly action: string
  readonly agentId: string
  readonly asset: string
  /** In major units. */
  readonly amount: string
  readonly openedAt: string
}

/** GET /v1/authorisations */
export type AuthorisationPage = {
  readonly authorisations: readonly Authorisation[]
  readonly next: string | null
}

/** POST /v1/authorisations/{call}/release: for what has ended at the provider, and no call said so. */
export type ReleaseAuthorisation = { readonly reason: string }
/** Another operator confirms the proposal of this id; until then it counts as open. */
export type AuthorisationRelease = { readonly callId: string; readonly proposal: string }
