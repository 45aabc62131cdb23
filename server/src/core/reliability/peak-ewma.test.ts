import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { PeakEwma } from './peak-ewma.ts'

const decayMs = 10_000
const latencies = fc.array(fc.record({ ms: fc.nat(10_000), afterMs: fc.nat(20_000) }))

test('believes a slower reply at once, and never leaves the range of what it saw', () => {
  fc.assert(
    fc.property(latencies, fc.integer({ min: 1, max: 10_000 }), (seen, slowerMs) => {
      const average = new PeakEwma(decayMs)
      let nowMs = 0
      for (const { ms, afterMs } of seen) {
        nowMs += afterMs
        average.observe(ms, nowMs)
      }
      const last = average.lastMs
      if (last === undefined) return
      const values = seen.map(({ ms }) => ms)
      assert(last <= Math.max(...values) && last >= Math.min(...values) - 1e-9)
      average.observe(last + slowerMs, nowMs)
      assert.equal(average.lastMs, last + slowerMs)
    }),
  )
})

test('comes down with quick replies, a time constant at a time', () => {
  const average = new PeakEwma(decayMs)
  average.observe(1000, 0)
  average.observe(100, 0)
  assert.equal(average.lastMs, 1000, 'a quick reply in the same moment proves nothing yet')
  average.observe(100, decayMs)
  assert(Math.abs((average.lastMs ?? 0) - (100 + 900 / Math.E)) < 1e-9)
})

test('fades while nothing is heard', () => {
  const average = new PeakEwma(decayMs)
  assert.equal(average.lastMs, undefined)
  average.observe(1000, 0)
  assert(Math.abs(average.faded(decayMs) - 1000 / Math.E) < 1e-9)
  assert.equal(average.lastMs, 1000)
})
