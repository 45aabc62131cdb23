// What one limit has counted of one subject in one window. The law: settled + reserved <= limit at
// every write, but where a limit was set below what is used already: then nothing more fits. A call
// whose end is unknown stays reserved. There are no leases and no overruns here: money never leaves
// before its intent is durable, and a call moves what its contract said, or nothing.
import { expireBuckets, fillBucket, type Rolling, takeBack } from '../budget/rolling.ts'

export type MoneyUnit = 'minor' | 'count'

export type Tally = {
  readonly unit: MoneyUnit
  /** Undefined is only counted. */
  readonly limit: bigint | undefined
  settled: bigint
  reserved: bigint
  /** Always 0: it is what budgets have and tallies do not. */
  overrun: bigint
}

export type MoneyLedger = {
  readonly ledgerId: string
  readonly minor: Tally
  readonly count: Tally
  readonly rolling: Rolling<MoneyUnit> | undefined
}

/** What one call takes of one ledger, in minor units of the limit's asset. */
export type MoneyAmounts = { readonly minor: bigint; readonly count: bigint }

export function emptyTally(unit: MoneyUnit, limit: bigint | undefined): Tally {
  return { unit, limit, settled: 0n, reserved: 0n, overrun: 0n }
}

/** Takes off what has left a rolling window. Must be called before a ledger is asked for room. */
export function bringLedgerToNow(ledger: MoneyLedger, nowMs: number): void {
  if (ledger.rolling !== undefined) expireBuckets(ledger.rolling, talliesOf(ledger), nowMs)
}

function talliesOf({ minor, count }: MoneyLedger): readonly Tally[] {
  return [minor, count]
}

/** What may still be taken; undefined where there is no limit. Never less than nothing. */
export function roomIn({ limit, settled, reserved }: Tally): bigint | undefined {
  if (limit === undefined) return undefined
  const room = limit - settled - reserved
  return room > 0n ? room : 0n
}

/** The tally without room for the amounts; undefined where they fit. */
export function firstFull(ledger: MoneyLedger, amounts: MoneyAmounts): Tally | undefined {
  return talliesOf(ledger).find((tally) => {
    const room = roomIn(tally)
    const wanted = amounts[tally.unit]
    return room !== undefined && wanted > 0n && wanted > room
  })
}

/** The amounts must fit. */
export function reserveMoney(ledger: MoneyLedger, amounts: MoneyAmounts): void {
  for (const tally of talliesOf(ledger)) tally.reserved += amounts[tally.unit]
}

/** The money left: what was reserved is settled, as of now. */
export function settleMoney(ledger: MoneyLedger, amounts: MoneyAmounts, nowMs: number): void {
  bringLedgerToNow(ledger, nowMs)
  releaseMoney(ledger, amounts)
  for (const tally of talliesOf(ledger)) tally.settled += amounts[tally.unit]
  if (ledger.rolling !== undefined) fillBucket(ledger.rolling, talliesOf(ledger), nowMs)
}

/** The money did not leave. */
export function releaseMoney(ledger: MoneyLedger, amounts: MoneyAmounts): void {
  for (const tally of talliesOf(ledger)) tally.reserved -= amounts[tally.unit]
}

/** Money came back, as far as any had left: the sum makes room again, the number of calls does not. */
export function refillMoney(ledger: MoneyLedger, minor: bigint, nowMs: number): void {
  bringLedgerToNow(ledger, nowMs)
  takeFrom(ledger, ledger.minor, minor)
}

/** What was authorised is captured or voided: it is open no more. */
export function closeMoney(ledger: MoneyLedger, amounts: MoneyAmounts, nowMs: number): void {
  bringLedgerToNow(ledger, nowMs)
  for (const tally of talliesOf(ledger)) takeFrom(ledger, tally, amounts[tally.unit])
}

function takeFrom({ rolling }: MoneyLedger, tally: Tally, amount: bigint): void {
  if (rolling !== undefined) takeBack(rolling, tally, amount)
  else tally.settled -= amount < tally.settled ? amount : tally.settled
}

/** As it lies in the ledger's row: `[endMs, minor, count]`. */
export type StoredMoneyBucket = readonly [endMs: number, minor: string, count: string]

export function formatMoneyBuckets(rolling: Rolling<MoneyUnit>): StoredMoneyBucket[] {
  return rolling.buckets.map(({ endMs, settled }) => [
    endMs,
    String(settled.get('minor') ?? 0n),
    String(settled.get('count') ?? 0n),
  ])
}

export function parseMoneyBuckets(
  stored: readonly StoredMoneyBucket[],
): Rolling<MoneyUnit>['buckets'] {
  return stored.map(([endMs, minor, count]) => ({
    endMs,
    settled: new Map<MoneyUnit, bigint>([
      ['minor', BigInt(minor)],
      ['count', BigInt(count)],
    ]),
    overrun: new Map(),
  }))
}
