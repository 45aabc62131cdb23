// Whether the money of a call may leave: what each limit says to it, and what it takes of each ledger.
import type { ErrorCode } from '../errors.ts'
import { type AssetId, moneyText } from './asset.ts'
import { matchesFolded, matchesPattern } from './counterparty.ts'
import { firstFull, type MoneyAmounts, type MoneyLedger, roomIn } from './ledger.ts'
import { type Limit, namesAction } from './limit.ts'
import { convert, isFresh, type Quote, refundRate } from './quote.ts'

/** What a call moves, as its contract reads it. */
export type MoneyMove = {
  readonly action: string
  /** Undefined where the contract names a counterparty and no amount. */
  readonly money: { readonly asset: AssetId; readonly minor: bigint } | undefined
  readonly direction: 'out' | 'in' | 'refund'
  readonly counterparty: MoneyParty | undefined
}

export type MoneyParty = {
  /** As the call spells it: never written down. */
  readonly text: string
  /** Keyed digests of it as it is, and of any spelling of it. */
  readonly exact: string
  readonly folded: string
}

export type MoneyFinding = {
  readonly verdict: 'hold' | 'deny'
  readonly code: ErrorCode
  readonly rule: string
  readonly reason: string
}

/** What is known of assets: decimals of those that are no currency, and quotes by `base quoted`. */
export type MoneyBook = {
  readonly decimalsOf: (asset: AssetId) => number | undefined
  readonly quoteOf: (base: AssetId, quoted: AssetId) => Quote | undefined
}

/** Whether the lists let the counterparty have money; and whether the tool always needs a person. */
export function checkLists(limit: Limit, move: MoneyMove): MoneyFinding | undefined {
  if (limit.kind === 'ask') {
    const reason = `a person decides about every call of this tool (${limit.name})`
    return { verdict: 'hold', code: 'call.held', rule: 'limit.ask', reason }
  }
  const { kind } = limit
  if (kind !== 'allow' && kind !== 'block') return undefined
  const party = move.counterparty
  if (party === undefined) {
    return blocked(limit, 'a list of counterparties holds, and the call names none')
  }
  const isListed = limit.parties.some((each) =>
    'digest' in each
      ? each.digest === (kind === 'allow' ? party.exact : party.folded)
      : matchesListed(kind, party.text, each.pattern),
  )
  if (kind === 'block') {
    return isListed ? blocked(limit, 'the counterparty is blocked') : undefined
  }
  return isListed
    ? undefined
    : blocked(limit, 'the counterparty is not on the list of those allowed')
}

/** What is allowed must be spelled as it is; what is blocked is so in any spelling. */
function matchesListed(kind: 'allow' | 'block', text: string, pattern: string): boolean {
  if (kind === 'allow') return matchesPattern(text, pattern)
  return matchesFolded(text, pattern)
}

function blocked({ kind, name }: Limit, reason: string): MoneyFinding {
  const rule = `limit.${kind}`
  return { verdict: 'deny', code: 'counterparty.blocked', rule, reason: `${reason} (${name})` }
}

export type Converted =
  | { readonly kind: 'ok'; readonly minor: bigint }
  /** The limit is for another asset alone. */
  | { readonly kind: 'other' }
  | { readonly kind: 'refused'; readonly finding: MoneyFinding }

/** The amount in the limit's asset: without a fresh quote nothing is converted, and nothing leaves. */
export function amountFor(
  limit: Limit,
  { asset, minor }: NonNullable<MoneyMove['money']>,
  of: { readonly book: MoneyBook; readonly nowMs: number; readonly round: 'up' | 'down' },
): Converted {
  const wanted = limit.asset
  if (wanted === undefined) return { kind: 'ok', minor: 0n }
  if (wanted === asset) return { kind: 'ok', minor }
  if (!limit.converts) return { kind: 'other' }
  const { book, nowMs, round } = of
  const base = book.decimalsOf(asset)
  const quoted = book.decimalsOf(wanted)
  const quote = book.quoteOf(asset, wanted)
  if (quote === undefined || base === undefined || quoted === undefined) {
    return { kind: 'refused', finding: noQuote(limit, `no quote of ${asset} in ${wanted}`) }
  }
  if (!isFresh(quote, nowMs)) {
    return { kind: 'refused', finding: noQuote(limit, `the quote of ${asset} is too old`) }
  }
  const rate = round === 'up' ? quote : refundRate(quote)
  return { kind: 'ok', minor: convert(minor, rate, { base, quoted, round }) }
}

function noQuote({ name }: Limit, reason: string): MoneyFinding {
  return {
    verdict: 'deny',
    code: 'money.quote_stale',
    rule: 'limit.quote',
    reason: `${reason} (${name})`,
  }
}

/** Whether the limit is for a call of which no amount is known: it may move any. */
export function checkUnread(limit: Limit, action: string): MoneyFinding | undefined {
  if (limit.max === undefined || limit.kind === 'open') return undefined
  if (!namesAction(limit, action)) return undefined
  return exceeded(limit, 'is for this tool, whose contract names no amount')
}

/** Whether one transaction is within its limit. */
export function checkTransaction(
  limit: Limit,
  minor: bigint,
  book: MoneyBook,
): MoneyFinding | undefined {
  const { max, asset } = limit
  if (max === undefined || asset === undefined || minor <= max) return undefined
  const text = (each: bigint): string => moneyText(each, asset, book.decimalsOf(asset) ?? 0)
  return exceeded(limit, `moves ${text(minor)}, and one transaction may move ${text(max)}`)
}

/** Whether the ledger has room. It must have been brought to now. */
export function checkRoom(
  limit: Limit,
  ledger: MoneyLedger,
  of: { readonly amounts: MoneyAmounts; readonly book: MoneyBook },
): MoneyFinding | undefined {
  const full = firstFull(ledger, of.amounts)
  if (full === undefined) return undefined
  const { asset } = limit
  const text = (each: bigint): string =>
    full.unit === 'count' || asset === undefined
      ? `${each} calls`
      : moneyText(each, asset, of.book.decimalsOf(asset) ?? 0)
  return exceeded(
    limit,
    `needs ${text(of.amounts[full.unit])}, ${text(roomIn(full) ?? 0n)} of ` +
      `${text(full.limit ?? 0n)} left`,
  )
}

function exceeded({ kind, name }: Limit, reason: string): MoneyFinding {
  const rule = `limit.${kind}`
  return { verdict: 'deny', code: 'limit.exceeded', rule, reason: `${reason} (${name})` }
}
