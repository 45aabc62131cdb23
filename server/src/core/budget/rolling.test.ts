import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  type Amounts,
  type Budget,
  firstExceeded,
  holdAsUnknown,
  noAmounts,
  reserve,
  settle,
} from './budget.ts'
import { expireBuckets, fillBucket, formatBuckets, parseBuckets, type Rolling } from './rolling.ts'

const windowMs = 60_000

function callsBudget(limit: bigint): Budget {
  return {
    scopeId: 'scope',
    unit: 'calls',
    limit,
    settled: 0n,
    reserved: 0n,
    unknown: 0n,
    overrun: 0n,
    leasedByOthers: 0n,
    lease: 0n,
  }
}

function calls(count: bigint): Amounts {
  return { ...noAmounts, calls: count }
}

const step = fc.record({
  afterMs: fc.oneof(fc.nat(2_000), fc.nat(90_000)),
  kind: fc.constantFrom('reserve', 'settle', 'unknown', 'restart'),
  count: fc.bigInt(0n, 6n),
  part: fc.nat(100),
})

test('in any window of its length no more is used than the limit', () => {
  fc.assert(
    fc.property(fc.bigInt(1n, 12n), fc.array(step, { maxLength: 80 }), (limit, steps) => {
      const budget = callsBudget(limit)
      let rolling: Rolling = { windowMs, buckets: [] }
      const open: bigint[] = []
      const used: { atMs: number; count: bigint }[] = []
      let nowMs = 1_000_000
      for (const { afterMs, kind, count, part } of steps) {
        nowMs += afterMs
        expireBuckets(rolling, [budget], nowMs)
        if (kind === 'reserve' && firstExceeded([budget], calls(count)) === undefined) {
          reserve([budget], calls(count))
          open.push(count)
        } else if (kind === 'settle' && open.length > 0) {
          const held = open.shift() ?? 0n
          const real = (held * BigInt(part)) / 100n
          settle([budget], { from: 'reserved', held: calls(held), used: calls(real) })
          used.push({ atMs: nowMs, count: real })
        } else if (kind === 'unknown' && open.length > 0) {
          holdAsUnknown([budget], calls(open.shift() ?? 0n))
        } else if (kind === 'restart') {
          const stored = JSON.parse(JSON.stringify(formatBuckets(rolling)))
          rolling = { windowMs, buckets: parseBuckets(stored) }
        }
        fillBucket(rolling, [budget], nowMs)
      }
      // The oracle adds up every window that begins with a use.
      for (const { atMs: fromMs } of used) {
        const inside = used.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + windowMs)
        const sum = inside.reduce((total, { count }) => total + count, 0n)
        assert(sum <= limit, `${sum} of ${limit} from ${fromMs}`)
      }
    }),
    { numRuns: 2000 },
  )
})

test('what was used leaves at most a sixtieth of the window late, and an overrun leaves as well', () => {
  fc.assert(
    fc.property(fc.nat(10 * windowMs), fc.bigInt(0n, 20n), (startMs, real) => {
      const budget = callsBudget(5n)
      const rolling: Rolling = { windowMs, buckets: [] }
      reserve([budget], calls(5n))
      settle([budget], { from: 'reserved', held: calls(5n), used: calls(real) })
      fillBucket(rolling, [budget], startMs)
      expireBuckets(rolling, [budget], startMs + windowMs - 1)
      assert.equal(budget.settled + budget.overrun, real)
      expireBuckets(rolling, [budget], startMs + windowMs + windowMs / 60)
      assert.deepEqual([budget.settled, budget.overrun, rolling.buckets.length], [0n, 0n, 0])
    }),
  )
})

test('a clock that is set back makes a use count longer, never shorter', () => {
  const budget = callsBudget(5n)
  const rolling: Rolling = { windowMs, buckets: [] }
  reserve([budget], calls(2n))
  settle([budget], { from: 'reserved', held: calls(1n), used: calls(1n) })
  fillBucket(rolling, [budget], 500_000)
  settle([budget], { from: 'reserved', held: calls(1n), used: calls(1n) })
  fillBucket(rolling, [budget], 400_000)
  expireBuckets(rolling, [budget], 400_000 + windowMs + 1_000)
  assert.equal(budget.settled, 2n)
})

test('a window has at most 62 buckets, however many calls settle in it', () => {
  const budget = callsBudget(1_000_000n)
  const rolling: Rolling = { windowMs, buckets: [] }
  for (let nowMs = 0; nowMs < 5 * windowMs; nowMs += 100) {
    expireBuckets(rolling, [budget], nowMs)
    reserve([budget], calls(1n))
    settle([budget], { from: 'reserved', held: calls(1n), used: calls(1n) })
    fillBucket(rolling, [budget], nowMs)
    assert(rolling.buckets.length <= 62)
  }
})
