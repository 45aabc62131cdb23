// Which ledgers a new one takes over: a change of a limit's window or zone never gives room. What was
// used under the windows before counts wherever it lies in the period that runs; and after a change
// of zone alone the period that was cut off counts to its own end.
import { generationOf } from '../budget/policy.ts'
import { type BudgetWindow, type Period, periodOf } from '../budget/window.ts'
import type { Limit } from './limit.ts'

type Windowed = Pick<Limit, 'window' | 'former'>

/** Ledgers of one subject are told apart by it; a week of hours and a change or two are below. */
const keysMax = 1_000

export type LedgerPlace = { readonly key: string; readonly period: Period }

/** The ledger that counts now. */
export function placeNow(limit: Windowed, nowMs: number): LedgerPlace {
  const period = periodOf(limit.window, nowMs)
  return { key: keyOf(generationOf(limit), period), period }
}

function keyOf(generation: number, { key }: Period): string {
  return `${generation}:${key}`
}

/** The keys of ledgers whose own use a new ledger at this time begins with. */
export function carriedKeys(limit: Windowed, nowMs: number): readonly string[] {
  const { window, former } = limit
  if (former.length === 0) return []
  const { key, period } = placeNow(limit, nowMs)
  const startMs = window.kind === 'rolling' ? nowMs - window.seconds * 1000 : period.startMs
  const fromMs = Math.min(startMs, ...cutOff(limit, startMs))
  const keys = new Set<string>()
  for (const { window: before, untilMs, generation } of former) {
    if (untilMs < fromMs) continue
    for (const each of periodsIn(before, fromMs, untilMs)) keys.add(keyOf(generation, each))
  }
  const sinceMs = former[0]?.untilMs ?? nowMs
  for (const each of periodsIn(window, Math.max(fromMs, sinceMs), nowMs)) {
    keys.add(keyOf(generationOf(limit), each))
  }
  keys.delete(key)
  return [...keys].slice(0, keysMax)
}

/** The starts of the periods that a change of zone cut off, and that are not over. */
function cutOff({ window, former }: Windowed, startMs: number): number[] {
  return former.flatMap(({ window: before, untilMs }, at) => {
    const after = former[at - 1]?.window ?? window
    const isZone =
      before.kind === 'calendar' && after.kind === 'calendar' && before.unit === after.unit
    if (!isZone) return []
    const cut = periodOf(before, untilMs)
    return cut.endMs !== undefined && cut.endMs > startMs ? [cut.startMs] : []
  })
}

/** Those that overlap, the newest first. */
function periodsIn(window: BudgetWindow, fromMs: number, untilMs: number): Period[] {
  const periods: Period[] = []
  let atMs = untilMs
  while (periods.length < keysMax) {
    const period = periodOf(window, atMs)
    periods.push(period)
    if (period.startMs <= fromMs || window.kind !== 'calendar') break
    atMs = period.startMs - 1
  }
  return periods
}
