// What a batch writes of money: a statement a row, because such calls are few.
import { formatMoneyBuckets } from '../../core/money/ledger.ts'
import type { KnownMoneyLedger, MoneyAuthorisation, MoneyReservation } from './money-state.ts'

export type MoneyRows = {
  /** Written as they are when the batch is sent. */
  readonly ledgers: Set<KnownMoneyLedger>
  readonly reserved: MoneyReservation[]
  readonly ended: { readonly callId: string; readonly state: 'settled' | 'released' }[]
  readonly authorisations: Set<MoneyAuthorisation>
}

export function createMoneyRows(): MoneyRows {
  return { ledgers: new Set(), reserved: [], ended: [], authorisations: new Set() }
}

type Statement = {
  readonly statement: { readonly name: string; readonly text: string }
  /** After the organisation's id, which is `$1`. */
  readonly values: unknown[]
}

export function moneyStatements(rows: MoneyRows): Statement[] {
  return [
    ...[...rows.ledgers].map((ledger) => ({
      statement: updateLedger,
      values: [
        ledger.ledgerId,
        ledger.ceilings.minor,
        ledger.ceilings.count,
        ledger.minor.settled,
        ledger.minor.reserved,
        ledger.count.settled,
        ledger.count.reserved,
        JSON.stringify(ledger.rolling === undefined ? [] : formatMoneyBuckets(ledger.rolling)),
      ],
    })),
    ...rows.reserved.map(({ callId, ledgerId, purpose, amounts }) => ({
      statement: insertReservation,
      values: [callId, ledgerId, purpose, amounts.minor, amounts.count],
    })),
    ...rows.ended.map(({ callId, state }) => ({
      statement: endReservations,
      values: [callId, state],
    })),
    ...[...rows.authorisations].map((each) => ({
      statement: writeAuthorisation,
      values: [
        each.reference,
        each.callId,
        each.asset,
        each.minor,
        each.state,
        each.closing?.callId,
        each.closing?.as,
      ],
    })),
  ]
}

const updateLedger = {
  name: 'airworthy-update-money-ledger',
  text: `UPDATE airworthy.money_ledgers SET ceiling = $3, count_ceiling = $4, settled = $5,
    reserved = $6, count_settled = $7, count_reserved = $8, buckets = $9::json
  WHERE organisation_id = $1 AND ledger_id = $2`,
}

const insertReservation = {
  name: 'airworthy-insert-money-reservation',
  text: `INSERT INTO airworthy.money_reservations
    (organisation_id, call_id, ledger_id, purpose, minor, count, state)
  VALUES ($1, $2, $3, $4, $5, $6, 'held')`,
}

const endReservations = {
  name: 'airworthy-end-money-reservations',
  text: `UPDATE airworthy.money_reservations SET state = $3
  WHERE organisation_id = $1 AND call_id = $2 AND state = 'held'`,
}

/** Who opened it stays: a reference that comes again is the one that is known. */
const writeAuthorisation = {
  name: 'airworthy-write-money-authorisation',
  text: `INSERT INTO airworthy.money_authorisations
    (organisation_id, reference, call_id, asset, minor, state, closing_call, closing_as)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (organisation_id, reference) DO UPDATE SET state = excluded.state,
    closing_call = excluded.closing_call, closing_as = excluded.closing_as
  WHERE money_authorisations.call_id = excluded.call_id`,
}
