// A rolling window: what was settled is kept in buckets of at most a sixtieth of the window, and a
// bucket leaves only when all of it lies outside. So the budget holds in any window of that length.
import { type BudgetUnit, budgetUnits } from './budget.ts'

export type RollingBucket<Unit extends string = BudgetUnit> = {
  /** What it holds was settled before this time. */
  readonly endMs: number
  readonly settled: Map<Unit, bigint>
  readonly overrun: Map<Unit, bigint>
}

export type Rolling<Unit extends string = BudgetUnit> = {
  readonly windowMs: number
  /** Oldest first. Their sums are what the budgets have settled and overrun. */
  readonly buckets: RollingBucket<Unit>[]
}

/** What rolls: budgets, and the tallies of money. */
export type Counted<Unit extends string = BudgetUnit> = {
  readonly unit: Unit
  settled: bigint
  overrun: bigint
}

const bucketsAWindow = 60

/** Takes off what has left the window. */
export function expireBuckets<Unit extends string>(
  rolling: Rolling<Unit>,
  budgets: readonly Counted<Unit>[],
  nowMs: number,
): void {
  for (;;) {
    const [oldest] = rolling.buckets
    if (oldest === undefined || oldest.endMs > nowMs - rolling.windowMs) return
    rolling.buckets.shift()
    for (const budget of budgets) {
      budget.settled -= oldest.settled.get(budget.unit) ?? 0n
      budget.overrun -= oldest.overrun.get(budget.unit) ?? 0n
    }
  }
}

/** Keeps what the budgets have settled since the last time, as of now. */
export function fillBucket<Unit extends string>(
  rolling: Rolling<Unit>,
  budgets: readonly Counted<Unit>[],
  nowMs: number,
): void {
  for (const budget of budgets) {
    const { unit } = budget
    const settled = budget.settled - sumOf(rolling, 'settled', unit)
    const overrun = budget.overrun - sumOf(rolling, 'overrun', unit)
    if (settled === 0n && overrun === 0n) continue
    const bucket = bucketAt(rolling, nowMs)
    bucket.settled.set(unit, (bucket.settled.get(unit) ?? 0n) + settled)
    bucket.overrun.set(unit, (bucket.overrun.get(unit) ?? 0n) + overrun)
  }
}

function sumOf<Unit extends string>(
  rolling: Rolling<Unit>,
  what: 'settled' | 'overrun',
  unit: Unit,
): bigint {
  return rolling.buckets.reduce((sum, bucket) => sum + (bucket[what].get(unit) ?? 0n), 0n)
}

/** The newest bucket for as long as it is not over, also where the clock was set back. */
function bucketAt<Unit extends string>(rolling: Rolling<Unit>, nowMs: number): RollingBucket<Unit> {
  const newest = rolling.buckets.at(-1)
  if (newest !== undefined && newest.endMs > nowMs) return newest
  const lengthMs = Math.floor(rolling.windowMs / bucketsAWindow)
  const endMs = (Math.floor(nowMs / lengthMs) + 1) * lengthMs
  const bucket = { endMs, settled: new Map<Unit, bigint>(), overrun: new Map<Unit, bigint>() }
  rolling.buckets.push(bucket)
  return bucket
}

/**
 * Takes amounts off what was settled, the oldest first: what is taken back leaves no room beside
 * that of what it takes back. No more than is there; gives how much.
 */
export function takeBack<Unit extends string>(
  rolling: Rolling<Unit>,
  counted: Counted<Unit>,
  amount: bigint,
): bigint {
  let left = amount
  for (const { settled } of rolling.buckets) {
    const here = settled.get(counted.unit) ?? 0n
    const taken = here < left ? here : left
    settled.set(counted.unit, here - taken)
    left -= taken
  }
  counted.settled -= amount - left
  return amount - left
}

/** As it lies in the ledger's row: `[endMs, settled, overrun]`, amounts in the order of the units. */
export type StoredBucket = readonly [
  endMs: number,
  settled: readonly string[],
  overrun: readonly string[],
]

export function formatBuckets(rolling: Rolling): StoredBucket[] {
  return rolling.buckets.map(({ endMs, settled, overrun }) => [
    endMs,
    listOf(settled),
    listOf(overrun),
  ])
}

export function parseBuckets(stored: readonly StoredBucket[]): RollingBucket[] {
  return stored.map(([endMs, settled, overrun]) => ({
    endMs,
    settled: mapOf(settled),
    overrun: mapOf(overrun),
  }))
}

/** Empty where nothing is. */
function listOf(amounts: ReadonlyMap<BudgetUnit, bigint>): string[] {
  const isEmpty = budgetUnits.every((unit) => (amounts.get(unit) ?? 0n) === 0n)
  return isEmpty ? [] : budgetUnits.map((unit) => String(amounts.get(unit) ?? 0n))
}

function mapOf(amounts: readonly string[]): Map<BudgetUnit, bigint> {
  return new Map(budgetUnits.map((unit, at) => [unit, BigInt(amounts[at] ?? '0')]))
}
