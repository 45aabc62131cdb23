import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { type BreakerCall, breakerDefaults, CircuitBreaker } from './circuit-breaker.ts'

const { ejectionMs, ejectionMsMax, failuresInARowMax, probePatienceMs } = breakerDefaults

function failAll(breaker: CircuitBreaker, times: number, nowMs: number): void {
  for (let count = 0; count < times; count += 1) breaker.fail(breaker.begin(nowMs), nowMs)
}

const step = fc.record({
  kind: fc.constantFrom('begin', 'succeed', 'fail', 'cancel', 'wait'),
  which: fc.nat(20),
  ms: fc.integer({ min: 0, max: 12_000 }),
})

suite('a circuit breaker', () => {
  test('opens after failures in a row, whatever happened before', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { breaker, nowMs } = walk(steps)
        // Whatever was under way, a success closes it: from there a few failures open it.
        const call = breaker.begin(nowMs)
        breaker.succeed(call, nowMs)
        assert.equal(breaker.state(nowMs), 'closed')
        failAll(breaker, failuresInARowMax, nowMs)
        assert.equal(breaker.state(nowMs), 'open')
      }),
    )
  })

  test('never has a second probe out while the first is within its patience', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { probes } = walk(steps)
        for (const [index, probe] of probes.entries()) {
          const next = probes[index + 1]
          if (next === undefined) continue
          const endMs = Math.min(probe.endedMs, probe.startedMs + probePatienceMs)
          assert(next.startedMs >= endMs, 'a probe began before the last one was over')
        }
      }),
    )
  })

  test('is never closed to traffic for longer than the longest ejection', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { breaker, nowMs } = walk(steps)
        assert(breaker.admits(nowMs + Math.max(ejectionMsMax, probePatienceMs)))
      }),
    )
  })

  test('doubles the ejection with each failed probe, up to its longest', () => {
    const breaker = new CircuitBreaker(breakerDefaults, 0)
    failAll(breaker, failuresInARowMax, 0)
    let nowMs = 0
    const waits: number[] = []
    for (let count = 0; count < 6; count += 1) {
      waits.push(breaker.openUntilMs - nowMs)
      nowMs = breaker.openUntilMs
      assert.equal(breaker.admits(nowMs - 1), false)
      breaker.fail(breaker.begin(nowMs), nowMs)
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 8000, 8000])
  })

  test('counts the next ejection from the start of a probe that hung', () => {
    const breaker = new CircuitBreaker(breakerDefaults, 0)
    failAll(breaker, failuresInARowMax, 0)
    for (const [atMs] of [[1000], [3000], [7000], [15_000]] as const) {
      const probe = breaker.begin(atMs)
      breaker.fail(probe, atMs)
    }
    assert.equal(breaker.openUntilMs, 23_000)
    breaker.begin(23_000)
    assert.equal(breaker.isDue(23_000 + probePatienceMs - 1), false)
    assert.equal(breaker.state(23_000 + probePatienceMs), 'open')
    assert(breaker.isDue(23_000 + ejectionMsMax))
  })

  test('forgets how often it opened once it was closed for a calm time', () => {
    const breaker = new CircuitBreaker(breakerDefaults, 0)
    failAll(breaker, failuresInARowMax, 0)
    breaker.fail(breaker.begin(1000), 1000)
    breaker.succeed(breaker.begin(3000), 3000)
    failAll(breaker, failuresInARowMax, 4000)
    assert.equal(breaker.openUntilMs, 8000, 'soon after, it is ejected for longer')
    breaker.succeed(breaker.begin(8000), 8000)
    const laterMs = 8000 + breakerDefaults.calmMs
    failAll(breaker, failuresInARowMax, laterMs)
    assert.equal(breaker.openUntilMs, laterMs + ejectionMs)
  })

  test('opens when half of enough calls fail, though never several in a row', () => {
    const breaker = new CircuitBreaker(breakerDefaults, 0)
    for (let count = 0; count < 40 && breaker.state(0) === 'closed'; count += 1) {
      const call = breaker.begin(0)
      if (count % 2 === 0) breaker.succeed(call, 0)
      else breaker.fail(call, 0)
    }
    assert.equal(breaker.state(0), 'open')
  })

  test('starts to count anew when it closes, and when its window has passed', () => {
    const breaker = new CircuitBreaker(breakerDefaults, 0)
    const alternate = (nowMs: number, calls: number): void => {
      for (let count = 0; count < calls && breaker.state(nowMs) === 'closed'; count += 1) {
        const call = breaker.begin(nowMs)
        if (count % 2 === 0) breaker.fail(call, nowMs)
        else breaker.succeed(call, nowMs)
      }
    }
    alternate(0, 9)
    breaker.fail(breaker.begin(11_000), 11_000)
    assert.equal(breaker.state(11_000), 'closed', 'what is older than the window is forgotten')
    breaker.succeed(breaker.begin(12_000), 12_000)
    alternate(12_000, 20)
    assert.notEqual(breaker.state(12_000), 'closed')
    const laterMs = breaker.openUntilMs
    breaker.succeed(breaker.begin(laterMs), laterMs)
    breaker.fail(breaker.begin(laterMs), laterMs)
    assert.equal(breaker.state(laterMs), 'closed', 'one failure after it closed is one failure')
  })

  test('calls that leave while it is open and fail do not keep it open', () => {
    const breaker = new CircuitBreaker(breakerDefaults, 0)
    failAll(breaker, failuresInARowMax, 0)
    failAll(breaker, 50, ejectionMs / 2)
    assert.equal(breaker.openUntilMs, ejectionMs)
  })

  test('does not open for failures that are spread over more than its window', () => {
    const breaker = new CircuitBreaker(breakerDefaults, 0)
    for (let second = 0; second < 200; second += 1) {
      const nowMs = second * 1000
      for (const isFailure of [true, false, false, false]) {
        const call = breaker.begin(nowMs)
        if (isFailure) breaker.fail(call, nowMs)
        else breaker.succeed(call, nowMs)
      }
    }
    assert.equal(breaker.state(200_000), 'closed')
  })

  test('calls that began before it opened or closed have no say any more', () => {
    const breaker = new CircuitBreaker(breakerDefaults, 0)
    const old = breaker.begin(0)
    failAll(breaker, failuresInARowMax, 0)
    breaker.succeed(old, 500)
    assert.equal(breaker.state(500), 'open', 'an old success does not close it')
    const stuck = [1, 2, 3, 4].map(() => breaker.begin(600))
    breaker.succeed(breaker.begin(1000), 1100)
    for (const call of stuck) breaker.fail(call, 5000)
    assert.equal(breaker.state(5000), 'closed', 'old failures do not open it')
  })

  test('an active check delays the probe while nobody answers, and invites it when one does', () => {
    const breaker = new CircuitBreaker(breakerDefaults, 0)
    failAll(breaker, failuresInARowMax, 0)
    breaker.postpone(9000)
    assert.equal(breaker.admits(8999), false)
    breaker.invite(5000)
    assert(breaker.isDue(5000))
    assert.equal(breaker.state(5000), 'half-open')
  })
})

type Probe = { readonly startedMs: number; readonly call: BreakerCall; endedMs: number }

/** Does what the steps say, and notes which calls were probes and when they ended. */
function walk(steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[]): {
  breaker: CircuitBreaker
  nowMs: number
  probes: Probe[]
} {
  const breaker = new CircuitBreaker(breakerDefaults, 0)
  const calls: BreakerCall[] = []
  const probes: Probe[] = []
  let nowMs = 0
  for (const { kind, which, ms } of steps) {
    if (kind === 'wait') nowMs += ms
    else if (kind === 'begin') {
      const isProbe = breaker.isDue(nowMs)
      const call = breaker.begin(nowMs)
      calls.push(call)
      if (isProbe) probes.push({ startedMs: nowMs, call, endedMs: Infinity })
    } else {
      const [call] = calls.splice(which % Math.max(1, calls.length), 1)
      if (call === undefined) continue
      for (const probe of probes) if (probe.call === call) probe.endedMs = nowMs
      if (kind === 'succeed') {
        breaker.succeed(call, nowMs)
        // Once it has closed, what was a probe is a call like any other.
        for (const probe of probes) {
          if (breaker.state(nowMs) === 'closed') probe.endedMs = Math.min(probe.endedMs, nowMs)
        }
      } else if (kind === 'fail') breaker.fail(call, nowMs)
      else breaker.cancel(call)
    }
  }
  return { breaker, nowMs, probes }
}
