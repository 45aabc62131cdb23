// Budgets of the organisation that count tools' money beside what models cost: the sum, in nano-dollars,
// is taken from the same ledger in the same step.
import { available, noAmounts, reserve } from '../../core/budget/budget.ts'
import { convert, isFresh } from '../../core/money/quote.ts'
import type { MoneyFinding } from '../../core/money/check.ts'
import { type Batch, touchLedger } from './batch.ts'
import { bringToNow, endCallIn, type Ledger } from './ledger.ts'
import type { MoneyReservation } from './money-state.ts'
import { tellAlerts } from './place-alerts.ts'
import type { OpenCall, SessionState } from './state.ts'
import type { Intent, MoneyIntent, Outcome } from './types.ts'

const dollars = 'iso4217:USD'
const nanoDecimals = 9

/** The ledgers of the session's budgets that count what tools move. */
export function toolMoneyLedgers(session: SessionState): readonly Ledger[] {
  return session.policyLedgers.filter(({ use }) => use?.policy.countsToolMoney === true)
}

export type ToolMoneySaid = {
  readonly findings: readonly MoneyFinding[]
  readonly reservations: readonly MoneyReservation[]
}

/** What the call takes of them, and why it may not. */
export function askBudgets(
  batch: Batch,
  intent: Intent,
  of: { readonly session: SessionState; readonly countedIn: ReadonlySet<string> },
): ToolMoneySaid {
  const ledgers = toolMoneyLedgers(of.session).filter(
    ({ use }) => use === undefined || !of.countedIn.has(use.policy.policyId),
  )
  const move = intent.money
  const isOut = move?.direction === 'out' && move.authorisation?.does !== 'voids'
  if (ledgers.length === 0 || move?.money === undefined || !isOut) return nothing
  const minor = nanoDollars(batch, move.money)
  if (minor === undefined) {
    const reason = `no fresh quote of ${move.money.asset} in US dollars for a budget`
    const finding = { rule: 'budget.quote', code: 'money.quote_stale', reason } as const
    return { findings: [{ ...finding, verdict: 'deny' }], reservations: [] }
  }
  const { callId } = intent
  const findings: MoneyFinding[] = []
  const reservations: MoneyReservation[] = []
  for (const ledger of ledgers) {
    bringToNow(ledger, batch.nowMs)
    const amounts = { minor, count: 0n }
    reservations.push({ callId, ledgerId: ledger.scopeId, purpose: 'budget', amounts })
    const full = ledger.budgets.find((each) => each.unit === 'nano_usd' && available(each) < minor)
    if (full === undefined) continue
    const name = ledger.use?.policy.name ?? ''
    const reason = `moves ${minor} nano_usd, ${available(full)} of ${full.limit} left (${name})`
    const rule = 'budget.tool_money'
    findings.push({ verdict: 'deny', code: 'budget.exceeded', rule, reason })
  }
  return { findings, reservations }
}

const nothing: ToolMoneySaid = { findings: [], reservations: [] }

/** Rounded against whoever spends. */
function nanoDollars(
  batch: Batch,
  { asset, minor }: NonNullable<MoneyIntent['money']>,
): bigint | undefined {
  const { book } = batch.state.money
  const base = book.decimalsOf(asset)
  const decimals = { base: base ?? 0, quoted: nanoDecimals, round: 'up' } as const
  if (asset === dollars) return convert(minor, { numerator: 1n, denominator: 1n }, decimals)
  const quote = book.quoteOf(asset, dollars)
  if (base === undefined || quote === undefined || !isFresh(quote, batch.nowMs)) return undefined
  return convert(minor, quote, decimals)
}

/** As much of it as the budget has left: what does not fit cannot be counted, and nothing is left. */
export function fitToBudget(batch: Batch, wanted: MoneyReservation): MoneyReservation[] {
  const budget = batch.state.ledgers
    .get(wanted.ledgerId)
    ?.budgets.find((each) => each.unit === 'nano_usd')
  if (budget === undefined) return []
  const left = available(budget)
  const minor = wanted.amounts.minor < left ? wanted.amounts.minor : left
  return minor > 0n ? [{ ...wanted, amounts: { minor, count: 0n } }] : []
}

/** False where it does not fit, as it may of an observing session. */
export function reserveInBudget(batch: Batch, { ledgerId, amounts }: MoneyReservation): boolean {
  const ledger = batch.state.ledgers.get(ledgerId)
  const full = ledger?.budgets.some(
    (each) => each.unit === 'nano_usd' && available(each) < amounts.minor,
  )
  if (ledger === undefined || full === true) return false
  touchLedger(batch, ledger)
  reserve(ledger.budgets, { ...noAmounts, nanoUsd: amounts.minor })
  return true
}

/** Settled, given back, or unknown: as of a model call. */
export function endInBudget(
  batch: Batch,
  { ledgerId, amounts }: MoneyReservation,
  of: { readonly call: OpenCall; readonly state: Outcome['state'] },
): void {
  const ledger = batch.state.ledgers.get(ledgerId)
  // A budget that was removed is forgotten with what it held.
  if (ledger === undefined) return
  const { call, state } = of
  const held = { ...noAmounts, nanoUsd: amounts.minor }
  const used = state === 'unknown' ? undefined : state === 'done' ? held : noAmounts
  const end = { bucket: call.bucket, held, used, settledBefore: undefined, usedAtLeast: undefined }
  touchLedger(batch, ledger)
  endCallIn(ledger, end, batch.nowMs)
  tellAlerts(batch, ledger, { call })
}
