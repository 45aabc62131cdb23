import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { formerAfter, type FormerWindow } from '../budget/policy.ts'
import { type BudgetWindow, periodOf } from '../budget/window.ts'
import { carriedKeys, placeNow } from './carry.ts'

const limit = 100n
const hourMs = 3_600_000

/** Ledgers as the recorder keeps them: own use is what is taken less what was carried over. */
class Ledgers {
  readonly taken = new Map<string, { carried: bigint; taken: bigint }>()
  window: BudgetWindow
  former: readonly FormerWindow[] = []

  constructor(window: BudgetWindow) {
    this.window = window
  }

  change(window: BudgetWindow, nowMs: number): void {
    const before = this.former
    this.former = formerAfter({ window: this.window, former: before }, window, nowMs)
    this.window = window
  }

  /** True where it fits. */
  spend(minor: bigint, nowMs: number): boolean {
    const { key } = placeNow(this, nowMs)
    let ledger = this.taken.get(key)
    if (ledger === undefined) {
      let carried = 0n
      for (const other of carriedKeys(this, nowMs)) {
        const found = this.taken.get(other)
        if (found !== undefined) carried += found.taken - found.carried
      }
      ledger = { carried, taken: carried }
      this.taken.set(key, ledger)
    }
    if (ledger.taken + minor > limit) return false
    ledger.taken += minor
    return true
  }
}

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'Australia/Lord_Howe',
]
const zone = fc.constantFrom(...zones)
const event = fc.oneof(
  { weight: 5, arbitrary: fc.record({ minor: fc.bigInt({ min: 1n, max: 60n }) }) },
  { weight: 1, arbitrary: fc.record({ zone }) },
)
const day = (of: string): BudgetWindow => ({ kind: 'calendar', unit: 'day', zone: of })

describe('a change of zone', () => {
  it('never lets more than the limit leave in a day, of any zone while that zone held', () => {
    // Around both turns of the clocks of 2026, and a date line that was crossed in 2011.
    const starts = fc.constantFrom(
      Date.UTC(2026, 2, 27),
      Date.UTC(2026, 9, 23),
      Date.UTC(2011, 11, 28),
    )
    const steps = fc.array(fc.tuple(fc.nat(9 * hourMs), event), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(zone, starts, steps, (first, startMs, all) => {
        const ledgers = new Ledgers(day(first))
        const held: { window: BudgetWindow; fromMs: number; untilMs: number }[] = []
        const left: { atMs: number; minor: bigint }[] = []
        let nowMs = startMs
        let fromMs = startMs
        for (const [waitMs, each] of all) {
          nowMs += waitMs + 1
          if ('zone' in each) {
            held.push({ window: ledgers.window, fromMs, untilMs: nowMs })
            fromMs = nowMs
            ledgers.change(day(each.zone), nowMs)
          } else if (ledgers.spend(each.minor, nowMs)) left.push({ atMs: nowMs, minor: each.minor })
        }
        held.push({ window: ledgers.window, fromMs, untilMs: nowMs + 1 })
        for (const { window, fromMs: from, untilMs } of held) {
          for (const { atMs } of left.filter((one) => one.atMs >= from && one.atMs < untilMs)) {
            const period = periodOf(window, atMs)
            const sum = left
              .filter((one) => one.atMs >= period.startMs && one.atMs < (period.endMs ?? 0))
              .reduce((total, { minor }) => total + minor, 0n)
            assert.ok(sum <= limit, `${sum} left in one day of ${JSON.stringify(window)}`)
          }
        }
      }),
      { numRuns: 400 },
    )
  })

  it('gives no fresh day a minute after it, where the other zone is about to turn', () => {
    const noon = Date.UTC(2026, 5, 10, 10, 0)
    const ledgers = new Ledgers(day('UTC'))
    assert.equal(ledgers.spend(100n, noon - hourMs), true)
    ledgers.change(day('Pacific/Kiritimati'), noon - 60_000)
    assert.equal(ledgers.spend(1n, noon + 60_000), false, 'the day of UTC is not over')
    assert.equal(ledgers.spend(100n, Date.UTC(2026, 5, 12, 11, 0)), true)
  })

  it('leaves days alone where nothing was changed', () => {
    const ledgers = new Ledgers(day('Europe/Berlin'))
    const midnight = Date.UTC(2026, 6, 1, 22, 0)
    assert.equal(ledgers.spend(100n, midnight - 1), true)
    assert.equal(ledgers.spend(1n, midnight - 1), false)
    assert.equal(ledgers.spend(100n, midnight), true)
  })
})

describe('daylight saving', () => {
  const cases = [
    ['2026-03-29', 'Europe/Berlin', 23],
    ['2026-10-25', 'Europe/Berlin', 25],
    ['2026-03-08', 'America/New_York', 23],
    ['2026-11-01', 'America/New_York', 25],
    ['2026-04-05', 'Australia/Lord_Howe', 24.5],
  ] as const
  for (const [date, name, hours] of cases) {
    it(`gives ${date} in ${name} ${hours} hours, and one limit`, () => {
      const startMs = Temporal.PlainDate.from(date).toZonedDateTime(name).epochMilliseconds
      const { period } = placeNow({ window: day(name), former: [] }, startMs)
      assert.equal(period.startMs, startMs)
      assert.equal(((period.endMs ?? 0) - startMs) / hourMs, hours)
      const ledgers = new Ledgers(day(name))
      const endMs = period.endMs ?? 0
      assert.equal(ledgers.spend(60n, startMs), true)
      assert.equal(ledgers.spend(60n, endMs - 1), false)
      assert.equal(ledgers.spend(60n, endMs), true)
    })
  }
})

describe('a change from one kind of window to another', () => {
  it('carries what was used within the new one', () => {
    const nowMs = Date.UTC(2026, 5, 10, 12)
    const ledgers = new Ledgers(day('UTC'))
    assert.equal(ledgers.spend(70n, nowMs - 13 * hourMs), true, 'the day before')
    assert.equal(ledgers.spend(20n, nowMs - hourMs), true)
    ledgers.change({ kind: 'rolling', seconds: 24 * 3600 }, nowMs)
    assert.equal(ledgers.spend(20n, nowMs), false, 'both days lie in the last 24 hours')
    assert.equal(ledgers.spend(10n, nowMs), true)
  })
})
