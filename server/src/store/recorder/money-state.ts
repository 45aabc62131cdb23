// What the recorder knows of money while one batch is placed. It is read anew, under the head's lock,
// for each batch that moves money: such calls are few, and nothing of it is remembered.
import type { MoneyBook } from '../../core/money/check.ts'
import type { MoneyAmounts, MoneyLedger } from '../../core/money/ledger.ts'
import type { KnownLimit } from '../money/money-limit-rows.ts'

export type KnownMoneyLedger = MoneyLedger & {
  readonly limit: KnownLimit
  /** What the database checks against: the limits, or what was taken where that is more. */
  readonly ceilings: { minor: bigint | undefined; count: bigint | undefined }
}

export type MoneyPurpose = 'charge' | 'open' | 'refill' | 'budget'

export type MoneyReservation = {
  readonly callId: string
  readonly ledgerId: string
  readonly purpose: MoneyPurpose
  readonly amounts: MoneyAmounts
}

export type MoneyAuthorisation = {
  readonly reference: string
  /** The call that opened it. */
  readonly callId: string
  readonly asset: string
  readonly minor: bigint
  state: 'open' | 'closing' | 'closed'
  closing: { readonly callId: string; readonly as: 'captures' | 'voids' } | undefined
  /** The limits, and the budgets, that counted it when it was opened. */
  readonly countedIn: Set<string>
}

/** What a call takes if it goes on. */
export type MoneyTaken = {
  readonly reservations: readonly MoneyReservation[]
  readonly closes: MoneyAuthorisation | undefined
}

export type MoneyState = {
  /** Those that hold. */
  readonly limits: readonly KnownLimit[]
  readonly ledgers: Map<string, KnownMoneyLedger>
  /** By call, then by limit: the ledger in which it would count. */
  readonly places: Map<string, ReadonlyMap<string, string>>
  readonly book: MoneyBook
  readonly authorisations: Map<string, MoneyAuthorisation>
  /** By call: what it holds, or what it opened. */
  readonly reservations: Map<string, readonly MoneyReservation[]>
  readonly taken: Map<string, MoneyTaken>
}

export function noMoney(): MoneyState {
  return {
    limits: [],
    ledgers: new Map(),
    places: new Map(),
    book: { decimalsOf: () => undefined, quoteOf: () => undefined },
    authorisations: new Map(),
    reservations: new Map(),
    taken: new Map(),
  }
}
