import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import {
  bringLedgerToNow,
  closeMoney,
  emptyTally,
  firstFull,
  formatMoneyBuckets,
  type MoneyLedger,
  parseMoneyBuckets,
  refillMoney,
  releaseMoney,
  reserveMoney,
  settleMoney,
} from './ledger.ts'

const limit = 100n
const windowMs = 3_600_000

function ledger(isRolling: boolean): MoneyLedger {
  return {
    ledgerId: 'one',
    minor: emptyTally('minor', limit),
    count: emptyTally('count', 8n),
    rolling: isRolling ? { windowMs, buckets: [] } : undefined,
  }
}

type Step =
  | { readonly kind: 'spend'; readonly minor: number }
  | { readonly kind: 'end'; readonly at: number; readonly isDone: boolean }
  | { readonly kind: 'refund' | 'close'; readonly minor: number }
  | { readonly kind: 'wait'; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('spend' as const), minor: fc.integer({ min: 0, max: 60 }) }),
  fc.record({ kind: fc.constant('end' as const), at: fc.nat(5), isDone: fc.boolean() }),
  fc.record({
    kind: fc.constantFrom('refund' as const, 'close' as const),
    minor: fc.integer({ min: 0, max: 150 }),
  }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(windowMs) }),
)

describe('a ledger of money', () => {
  it('never holds more than its limit, nor less than nothing, whatever ends how', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { maxLength: 60 }), (isRolling, steps) => {
        const one = ledger(isRolling)
        const open: { minor: bigint; count: bigint }[] = []
        let nowMs = 1_000_000
        for (const each of steps) {
          if (each.kind === 'wait') nowMs += each.ms
          else if (each.kind === 'spend') {
            const amounts = { minor: BigInt(each.minor), count: 1n }
            bringLedgerToNow(one, nowMs)
            if (firstFull(one, amounts) === undefined) {
              reserveMoney(one, amounts)
              open.push(amounts)
            }
          } else if (each.kind === 'end') {
            const [amounts] = open.splice(each.at, 1)
            if (amounts === undefined) continue
            if (each.isDone) settleMoney(one, amounts, nowMs)
            else releaseMoney(one, amounts)
          } else if (each.kind === 'refund') refillMoney(one, BigInt(each.minor), nowMs)
          else closeMoney(one, { minor: BigInt(each.minor), count: 1n }, nowMs)
          for (const tally of [one.minor, one.count]) {
            assert.ok(tally.settled >= 0n && tally.reserved >= 0n)
            assert.ok(tally.settled + tally.reserved <= (tally.limit ?? 0n))
          }
          const held = open.reduce((sum, { minor }) => sum + minor, 0n)
          assert.equal(one.minor.reserved, held, 'what is open stays reserved')
        }
      }),
      { numRuns: 500 },
    )
  })

  it('lets no more than the limit leave in any window that rolls, refunds left aside', () => {
    const spends = fc.array(
      fc.record({ minor: fc.integer({ min: 1, max: 60 }), waitMs: fc.nat(windowMs / 2) }),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(spends, (each) => {
        const one = ledger(true)
        const left: { atMs: number; minor: bigint }[] = []
        let nowMs = 5_000_000
        for (const { minor, waitMs } of each) {
          nowMs += waitMs
          const amounts = { minor: BigInt(minor), count: 0n }
          bringLedgerToNow(one, nowMs)
          if (firstFull(one, amounts) !== undefined) continue
          reserveMoney(one, amounts)
          settleMoney(one, amounts, nowMs)
          left.push({ atMs: nowMs, minor: amounts.minor })
        }
        for (const { atMs } of left) {
          const within = left.filter((other) => other.atMs > atMs - windowMs && other.atMs <= atMs)
          assert.ok(within.reduce((sum, { minor }) => sum + minor, 0n) <= limit)
        }
      }),
    )
  })

  it('makes no room beyond the limit once what was refunded would have left the window', () => {
    const one = ledger(true)
    const all = { minor: limit, count: 0n }
    reserveMoney(one, all)
    settleMoney(one, all, 0)
    refillMoney(one, limit, windowMs - 60_000)
    bringLedgerToNow(one, 3 * windowMs)
    assert.equal(one.minor.settled, 0n)
    assert.notEqual(firstFull(one, { minor: limit + 1n, count: 0n }), undefined)
  })

  it('reads its buckets as it wrote them', () => {
    const one = ledger(true)
    reserveMoney(one, { minor: 7n, count: 1n })
    settleMoney(one, { minor: 7n, count: 1n }, 90_000_000)
    assert.ok(one.rolling)
    const stored = formatMoneyBuckets(one.rolling)
    const again = parseMoneyBuckets(JSON.parse(JSON.stringify(stored)))
    assert.deepEqual(
      again.map((bucket) => bucket.settled.get('minor')),
      [7n],
    )
    assert.deepEqual(
      again.map((bucket) => bucket.settled.get('count')),
      [1n],
    )
  })
})
