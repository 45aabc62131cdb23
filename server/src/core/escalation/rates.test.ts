import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { RateLimits } from './escalation.ts'
import { addCall, findAnomalies, limitOf, noRates, type Rates, ratesAt } from './rates.ts'

const limits: RateLimits = {
  measures: new Set(['calls', 'spend']),
  deviations: 4,
  hoursMin: 24,
  callsMin: 20,
  nanoUsdMin: 100n,
}

/** After hours with so many calls, each of this worst case. */
function after(hours: readonly number[], nanoUsd = 10n): Rates {
  return hours.reduce((rates, calls, index) => {
    let now = ratesAt(rates, index + 1, limits)
    for (let made = 0; made < calls; made += 1) now = addCall(now, { nanoUsd })
    return now
  }, noRates)
}

const steady = Array.from({ length: 30 }, (_, index) => 28 + (index % 5))

suite('rates of an agent', () => {
  test('nothing is odd before there is history', () => {
    const young = after(Array.from({ length: 20 }, () => 5))
    const hour = ratesAt({ ...young, calls: 0 }, 21, limits)
    assert.deepEqual(findAnomalies({ ...hour, calls: 100_000 }, { nanoUsd: 0n }, limits), [])
  })

  test('an hour like the others is not odd, one far above them is', () => {
    const hour = ratesAt(after(steady), 40, limits)
    assert.deepEqual(findAnomalies({ ...hour, calls: 33 }, { nanoUsd: 10n }, limits), [])
    assert.deepEqual(findAnomalies({ ...hour, calls: 90 }, { nanoUsd: 10n }, limits), ['calls'])
    const spent = { ...hour, nanoUsd: 5000n }
    assert.deepEqual(findAnomalies(spent, { nanoUsd: 10n }, limits), ['spend'])
  })

  test('one call that spends all at once is odd by itself', () => {
    const hour = ratesAt(after(steady), 40, limits)
    assert.deepEqual(findAnomalies(hour, { nanoUsd: 10_000n }, limits), ['spend'])
  })

  test('an hour below the floor is never odd', () => {
    const idle = ratesAt(after(Array.from({ length: 30 }, () => 1)), 40, limits)
    assert.deepEqual(findAnomalies({ ...idle, calls: 19 }, { nanoUsd: 0n }, limits), [])
    assert.deepEqual(findAnomalies({ ...idle, calls: 20 }, { nanoUsd: 0n }, limits), ['calls'])
  })

  test('hours without work are no history', () => {
    const worked = after(steady)
    const rested = ratesAt(worked, 10_000, limits)
    assert.equal(rested.hours, 30)
    assert.equal(rested.meanCalls, ratesAt(worked, 31, limits).meanCalls)
  })

  test('odd hours one after the other raise the limit slowly', () => {
    const before = ratesAt(after(steady), 40, limits)
    const limit = limitOf(before, 'calls', limits)
    const next = ratesAt({ ...before, calls: 1_000_000 }, 41, limits)
    assert(limitOf(next, 'calls', limits) <= limit * 2)
  })

  test('a clock that goes back changes nothing, and what is counted is never lost', () => {
    const counts = fc.array(fc.nat(200), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(counts, fc.integer({ min: -5, max: 0 }), (hours, back) => {
        const rates = after(hours)
        assert.equal(ratesAt(rates, rates.hour + back, limits), rates)
        const { calls, nanoUsd } = addCall(rates, { nanoUsd: 7n })
        assert.equal(calls, rates.calls + 1)
        assert.equal(nanoUsd, rates.nanoUsd + 7n)
        for (const measure of ['calls', 'spend'] as const) {
          assert(limitOf(rates, measure, limits) >= 0)
        }
      }),
    )
  })
})
