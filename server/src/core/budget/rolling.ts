// A rolling window: what was settled is kept in buckets of at most a sixtieth of the window, and a
// bucket leaves only when all of it lies outside. So the budget holds in any window of that length.
import { type Budget, type BudgetUnit, budgetUnits } from './budget.ts'

export type RollingBucket = {
  /** What it holds was settled before this time. */
  readonly endMs: number
  readonly settled: Map<BudgetUnit, bigint>
  readonly overrun: Map<BudgetUnit, bigint>
}

export type Rolling = {
  readonly windowMs: number
  /** Oldest first. Their sums are what the budgets have settled and overrun. */
  readonly buckets: RollingBucket[]
}

const bucketsAWindow = 60

/** Takes off what has left the window. */
export function expireBuckets(rolling: Rolling, budgets: readonly Budget[], nowMs: number): void {
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
export function fillBucket(rolling: Rolling, budgets: readonly Budget[], nowMs: number): void {
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

function sumOf(rolling: Rolling, what: 'settled' | 'overrun', unit: BudgetUnit): bigint {
  return rolling.buckets.reduce((sum, bucket) => sum + (bucket[what].get(unit) ?? 0n), 0n)
}

/** The newest bucket for as long as it is not over, also where the clock was set back. */
function bucketAt(rolling: Rolling, nowMs: number): RollingBucket {
  const newest = rolling.buckets.at(-1)
  if (newest !== undefined && newest.endMs > nowMs) return newest
  const lengthMs = Math.floor(rolling.windowMs / bucketsAWindow)
  const endMs = (Math.floor(nowMs / lengthMs) + 1) * lengthMs
  const bucket = { endMs, settled: new Map(), overrun: new Map() }
  rolling.buckets.push(bucket)
  return bucket
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
