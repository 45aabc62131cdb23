import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { planRestart } from './restarts.ts'

suite('planRestart', () => {
  const limits = { max: 5, withinSeconds: 60 }

  test('starts at once the first time, then later each time', () => {
    const delays: number[] = []
    for (let ends = 0; ends < 5; ends += 1) {
      const endsMs = Array.from({ length: ends }, () => 1000)
      const plan = planRestart(endsMs, { limits, nowMs: 1000, random: 0 })
      assert(plan.kind === 'after')
      delays.push(plan.delayMs)
    }
    assert.deepEqual(delays, [0, 100, 200, 400, 800])
  })

  test('gives up at the limit, until the oldest end leaves the window', () => {
    const endsMs = [0, 1, 2, 3, 4]
    const plan = planRestart(endsMs, { limits, nowMs: 59_999, random: 0 })
    assert.deepEqual(plan, { kind: 'given_up', ends: 5, retryAtMs: 60_000 })
    assert.equal(planRestart(endsMs, { limits, nowMs: 60_000, random: 0 }).kind, 'after')
  })

  test('law: never more than max starts in any window, and no delay beyond the longest', () => {
    const gap = fc.integer({ min: 0, max: 30_000 })
    const runs = fc.array(fc.tuple(gap, fc.double({ min: 0, max: 0.999, noNaN: true })))
    fc.assert(
      fc.property(runs, fc.integer({ min: 1, max: 6 }), (gaps, max) => {
        const mine = { max, withinSeconds: 60 }
        const endsMs: number[] = []
        let nowMs = 0
        for (const [ranForMs, random] of gaps) {
          const plan = planRestart(endsMs, { limits: mine, nowMs, random })
          if (plan.kind === 'given_up') {
            assert(plan.retryAtMs > nowMs)
            nowMs = plan.retryAtMs
            continue
          }
          assert(plan.delayMs >= 0 && plan.delayMs <= 8000)
          nowMs += plan.delayMs + ranForMs
          endsMs.push(nowMs)
          const recent = endsMs.filter((endMs) => nowMs - endMs < 60_000)
          assert(recent.length <= max, `${recent.length} ends in a window of at most ${max}`)
        }
      }),
    )
  })
})
