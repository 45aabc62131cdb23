// Steps 3, 4 and 7 of the life of a call that moves money, under the lock: what the limits say to it,
// what it takes of their ledgers, and what of that is settled or given back.
import type { Decision } from '../../core/decision/decision.ts'
import { tighten } from '../../core/decision/tighten.ts'
import {
  amountFor,
  checkLists,
  checkRoom,
  checkTransaction,
  checkUnread,
  type MoneyFinding,
} from '../../core/money/check.ts'
import {
  bringLedgerToNow,
  closeMoney,
  firstFull,
  type MoneyAmounts,
  refillMoney,
  releaseMoney,
  reserveMoney,
  settleMoney,
} from '../../core/money/ledger.ts'
import { limitSubject } from '../../core/money/limit.ts'
import type { KnownLimit } from '../money/money-limit-rows.ts'
import type { Batch } from './batch.ts'
import { isAbout, isMoneyAsked } from './load-money.ts'
import { raiseCeilings } from './money-ledgers.ts'
import type { MoneyAuthorisation, MoneyReservation, MoneyTaken } from './money-state.ts'
import { askBudgets, endInBudget, fitToBudget, reserveInBudget } from './place-tool-money.ts'
import type { OpenCall, SessionState } from './state.ts'
import type { Intent, MoneyIntent, Outcome } from './types.ts'

/** What limits find can only make the decision stricter. */
export function tightenByMoney(
  batch: Batch,
  intent: Intent,
  of: { readonly session: SessionState; readonly decision: Decision },
): Decision {
  const { session, decision } = of
  const move = intent.money
  if (move === undefined || !isMoneyAsked(batch.state, intent)) return decision
  const findings: MoneyFinding[] = []
  const reservations: MoneyReservation[] = []
  const mismatch = assetFault(batch, move)
  if (mismatch !== undefined) findings.push(mismatch)
  const closes = closedBy(batch, move)
  const isCapture = move.authorisation?.does === 'captures'
  const countedIn = isCapture && closes !== undefined ? closes.countedIn : nowhere
  for (const limit of batch.state.money.limits) {
    if (limitSubject(limit, session.subjects) === undefined) continue
    if (!isAbout(limit, intent)) continue
    const isCounted = countedIn.has(limit.limitId)
    const said = askLimit(batch, intent, { limit, move, isCounted })
    if (said.finding !== undefined) findings.push(said.finding)
    if (said.reservation !== undefined) reservations.push(said.reservation)
  }
  const said = askBudgets(batch, intent, { session, countedIn })
  findings.push(...said.findings)
  reservations.push(...said.reservations)
  batch.state.money.taken.set(intent.callId, { reservations, closes })
  return findings.reduce(tighten, decision)
}

const nowhere: ReadonlySet<string> = new Set()

/** The contract's decimals must be those that the asset is registered with. */
function assetFault(batch: Batch, { money }: MoneyIntent): MoneyFinding | undefined {
  if (money?.decimals === undefined) return undefined
  if (batch.state.money.book.decimalsOf(money.asset) === money.decimals) return undefined
  const reason = 'the asset is not registered with the decimals that the contract says'
  return { verdict: 'deny', code: 'money.asset_unknown', rule: 'limit.asset', reason }
}

/** The authorisation that the call captures or voids, if it is open and large enough. */
function closedBy(batch: Batch, move: MoneyIntent): MoneyAuthorisation | undefined {
  const { authorisation, money } = move
  if (authorisation?.reference === undefined || authorisation.does === 'opens') return undefined
  const known = batch.state.money.authorisations.get(authorisation.reference)
  if (known === undefined || known.state !== 'open') return undefined
  if (authorisation.does === 'voids') return known
  return money !== undefined && money.asset === known.asset && money.minor <= known.minor
    ? known
    : undefined
}

type Said = { readonly finding?: MoneyFinding; readonly reservation?: MoneyReservation }

function askLimit(
  batch: Batch,
  intent: Intent,
  of: { readonly limit: KnownLimit; readonly move: MoneyIntent; readonly isCounted: boolean },
): Said {
  const { limit, move, isCounted } = of
  const isOut = move.direction === 'out' && move.authorisation?.does !== 'voids'
  if (isOut || limit.kind === 'ask') {
    const finding = checkLists(limit, { ...move, action: intent.action })
    if (finding !== undefined) return { finding }
  }
  // What was authorised was counted then.
  if (isCounted) return {}
  if (move.money === undefined) return isOut ? askUnread(batch, intent, limit) : {}
  if (!isOut && !(move.direction === 'refund' && limit.refundsRefill)) return {}
  const { book } = batch.state.money
  const round = isOut ? 'up' : 'down'
  const amount = amountFor(limit, move.money, { book, nowMs: batch.nowMs, round })
  if (amount.kind === 'other') return {}
  // What comes back and cannot be converted makes no room; it is not refused for that.
  if (amount.kind === 'refused') return isOut ? { finding: amount.finding } : {}
  if (limit.kind === 'transaction') {
    const finding = isOut ? checkTransaction(limit, amount.minor, book) : undefined
    return finding === undefined ? {} : { finding }
  }
  return takeOf(batch, intent, { limit, minor: amount.minor, isOut })
}

/** No amount is known: the call counts as one, and no limit on sums may name its tool. */
function askUnread(batch: Batch, intent: Intent, limit: KnownLimit): Said {
  const finding = checkUnread(limit, intent.action)
  if (finding !== undefined) return { finding }
  if (limit.kind !== 'window' || limit.countMax === undefined) return {}
  return takeOf(batch, intent, { limit, minor: 0n, isOut: true })
}

/** What the call takes of the limit's ledger, and why there is no room for it. */
function takeOf(
  batch: Batch,
  intent: Intent,
  of: { readonly limit: KnownLimit; readonly minor: bigint; readonly isOut: boolean },
): Said {
  const { limit, minor, isOut } = of
  const { money } = batch.state
  const ledgerId = money.places.get(intent.callId)?.get(limit.limitId)
  const ledger = ledgerId === undefined ? undefined : money.ledgers.get(ledgerId)
  if (ledgerId === undefined || ledger === undefined) return {}
  const { callId } = intent
  if (!isOut) {
    if (limit.kind !== 'window') return {}
    return { reservation: { callId, ledgerId, purpose: 'refill', amounts: { minor, count: 0n } } }
  }
  const opens = intent.money?.authorisation?.does === 'opens'
  if (limit.kind === 'open' && !opens) return {}
  const amounts: MoneyAmounts = { minor, count: 1n }
  bringLedgerToNow(ledger, batch.nowMs)
  const finding = checkRoom(limit, ledger, { amounts, book: money.book })
  const purpose = limit.kind === 'open' ? 'open' : 'charge'
  const reservation = { callId, ledgerId, purpose, amounts } as const
  return finding === undefined ? { reservation } : { finding, reservation }
}

/** Takes what the call was found to need. True where its end has to say what became of it. */
export function takeMoney(
  batch: Batch,
  intent: Intent,
  { goesOver = false }: { readonly goesOver?: boolean } = {},
): boolean {
  const taken = batch.state.money.taken.get(intent.callId)
  if (taken === undefined) return false
  const { rows } = batch
  let hasMoney = false
  for (const reservation of taken.reservations) {
    if (reservation.purpose === 'budget') {
      if (!reserveInBudget(batch, reservation)) continue
      rows.money.reserved.push(reservation)
      hasMoney = true
      continue
    }
    const ledger = batch.state.money.ledgers.get(reservation.ledgerId)
    if (ledger === undefined) continue
    if (reservation.purpose !== 'refill') {
      // An observing session goes on where another would be refused: what does not fit is not counted.
      if (!goesOver && firstFull(ledger, reservation.amounts) !== undefined) continue
      reserveMoney(ledger, reservation.amounts)
      if (goesOver) raiseCeilings(ledger)
      rows.money.ledgers.add(ledger)
    }
    rows.money.reserved.push(reservation)
    hasMoney = true
  }
  return closeFor(batch, intent, taken) || hasMoney
}

/**
 * Counts what an undo pays out. A limit that is reached must not keep the world half done, so its
 * ledger goes over it, and lets nothing more out. An undo makes no room. True as of `takeMoney`.
 */
export function countUndo(batch: Batch, intent: Intent, session: SessionState): boolean {
  const decision = { verdict: 'allow', code: undefined, reasons: [] } as const
  tightenByMoney(batch, intent, { session, decision })
  const taken = batch.state.money.taken.get(intent.callId)
  if (taken === undefined) return false
  const reservations = taken.reservations.flatMap((each): MoneyReservation[] => {
    if (each.purpose === 'refill') return []
    return each.purpose === 'budget' ? fitToBudget(batch, each) : [each]
  })
  batch.state.money.taken.set(intent.callId, { ...taken, reservations })
  return takeMoney(batch, intent, { goesOver: true })
}

function closeFor(batch: Batch, intent: Intent, { closes }: MoneyTaken): boolean {
  const does = intent.money?.authorisation?.does
  if (closes === undefined || does === undefined || does === 'opens') return false
  closes.state = 'closing'
  closes.closing = { callId: intent.callId, as: does }
  batch.rows.money.authorisations.add(closes)
  return true
}

/** What the call reserved is settled or given back; of one that is unknown all stays reserved. */
export function endMoney(batch: Batch, call: OpenCall, outcome: Outcome): void {
  if (call.hasMoney !== true) return
  const { state } = outcome
  const { money } = batch.state
  const held = money.reservations.get(call.callId) ?? []
  for (const each of held) {
    if (each.purpose === 'budget') endInBudget(batch, each, { call, state })
  }
  if (state === 'unknown') return
  const isDone = state === 'done'
  for (const { ledgerId, purpose, amounts } of held) {
    if (purpose === 'budget') continue
    const ledger = money.ledgers.get(ledgerId)
    if (ledger === undefined) throw new Error(`the money ledger ${ledgerId} is gone`)
    if (purpose === 'refill') {
      if (isDone) refillMoney(ledger, amounts.minor, batch.nowMs)
    } else if (isDone) settleMoney(ledger, amounts, batch.nowMs)
    else releaseMoney(ledger, amounts)
    batch.rows.money.ledgers.add(ledger)
  }
  batch.rows.money.ended.push({ callId: call.callId, state: isDone ? 'settled' : 'released' })
  for (const known of money.authorisations.values()) {
    if (known.closing?.callId === call.callId) endAuthorisation(batch, known, isDone)
  }
  if (isDone && outcome.authorisation !== undefined) {
    const { reference, asset, minor } = outcome.authorisation
    const opened: MoneyAuthorisation = {
      reference,
      callId: call.callId,
      asset,
      minor,
      state: 'open',
      closing: undefined,
      countedIn: new Set(),
    }
    batch.rows.money.authorisations.add(opened)
  }
}

/** Captured or voided, it is open no more; what was voided makes room where the limit says so. */
function endAuthorisation(batch: Batch, known: MoneyAuthorisation, isDone: boolean): void {
  const { money } = batch.state
  batch.rows.money.authorisations.add(known)
  const wasVoided = known.closing?.as === 'voids'
  known.state = isDone ? 'closed' : 'open'
  if (!isDone) known.closing = undefined
  if (!isDone) return
  for (const { ledgerId, purpose, amounts } of money.reservations.get(known.callId) ?? []) {
    const ledger = money.ledgers.get(ledgerId)
    if (ledger === undefined) throw new Error(`the money ledger ${ledgerId} is gone`)
    const refills = purpose === 'charge' && wasVoided && ledger.limit.refundsRefill
    if (purpose === 'open') closeMoney(ledger, amounts, batch.nowMs)
    else if (refills) refillMoney(ledger, amounts.minor, batch.nowMs)
    else continue
    batch.rows.money.ledgers.add(ledger)
  }
}
