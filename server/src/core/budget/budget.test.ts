import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  type Amounts,
  available,
  type Budget,
  type BudgetUnit,
  firstExceeded,
  growLease,
  holdAsUnknown,
  largestFit,
  lessen,
  noAmounts,
  reserve,
  settle,
  settleAtLeast,
} from './budget.ts'

function budgetOf(unit: BudgetUnit, limit: bigint, leasedByOthers = 0n): Budget {
  return {
    scopeId: 'scope',
    unit,
    limit,
    settled: 0n,
    reserved: 0n,
    unknown: 0n,
    overrun: 0n,
    leasedByOthers,
    lease: 0n,
  }
}

function calls(count: bigint): Amounts {
  return { ...noAmounts, calls: count }
}

function checkLaw(budget: Budget): void {
  const { settled, reserved, unknown, lease, leasedByOthers, limit, overrun } = budget
  assert(settled + reserved + unknown + lease + leasedByOthers <= limit, describe(budget))
  for (const amount of [settled, reserved, unknown, lease, leasedByOthers, overrun]) {
    assert(amount >= 0n, describe(budget))
  }
}

function describe(budget: Budget): string {
  return JSON.stringify(budget, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
}

const amount = fc.bigInt(0n, 60n)
const amounts = fc.record({
  calls: amount,
  tokens: amount,
  nanoUsd: amount,
  inputTokens: amount,
  outputTokens: amount,
})
const step = fc.oneof(
  fc.record({ kind: fc.constant('reserve' as const), amounts }),
  fc.record({ kind: fc.constant('settle' as const), which: fc.nat(), used: amounts }),
  fc.record({ kind: fc.constant('unknown' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('at least' as const), which: fc.nat(), used: amounts }),
  fc.record({ kind: fc.constant('lease' as const), which: fc.nat(2), target: amount }),
)

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never
type Held = { held: Amounts; from: 'reserved' | 'unknown'; before?: Amounts }

/** What the recorder does: it reserves only what fits, and settles what it holds. */
function take(budgets: readonly Budget[], open: Held[], one: Step): void {
  if (one.kind === 'reserve') {
    if (firstExceeded(budgets, one.amounts) !== undefined) return
    reserve(budgets, one.amounts)
    open.push({ held: one.amounts, from: 'reserved' })
    return
  }
  if (one.kind === 'lease') {
    const budget = budgets[one.which]
    if (budget !== undefined) growLease(budget, one.target)
    return
  }
  const held = open[one.which % Math.max(open.length, 1)]
  if (held === undefined) return
  if (one.kind === 'settle') {
    const before = held.before ?? noAmounts
    const rest = { held: lessen(held.held, before), used: lessen(one.used, before) }
    settle(budgets, { from: held.from, ...rest })
    open.splice(open.indexOf(held), 1)
  } else if (one.kind === 'at least' && held.from === 'reserved') {
    settleAtLeast(budgets, { held: held.held, atLeast: one.used })
    Object.assign(held, { from: 'unknown', before: one.used })
  } else if (held.from === 'reserved') {
    holdAsUnknown(budgets, held.held)
    held.from = 'unknown'
  }
}

test('settled + reserved + leased + unknown <= limit, whatever happens in whatever order', () => {
  const limits = fc.tuple(amount, amount, amount)
  fc.assert(
    fc.property(limits, amount, fc.array(step, { maxLength: 60 }), (limit, others, steps) => {
      const budgets = [
        budgetOf('calls', limit[0] + others, others),
        budgetOf('tokens', limit[1]),
        budgetOf('nano_usd', limit[2]),
        budgetOf('input_tokens', limit[0]),
        budgetOf('output_tokens', limit[1]),
      ]
      const open: Held[] = []
      for (const one of steps) {
        take(budgets, open, one)
        budgets.forEach(checkLaw)
      }
    }),
    { numRuns: 2000 },
  )
})

test('everything that was used is counted: as settled, or as overrun', () => {
  fc.assert(
    fc.property(amount, fc.array(fc.tuple(amount, amount)), (limit, uses) => {
      const budget = budgetOf('calls', limit)
      let used = 0n
      for (const [held, real] of uses) {
        if (firstExceeded([budget], calls(held)) !== undefined) continue
        reserve([budget], calls(held))
        settle([budget], { from: 'reserved', held: calls(held), used: calls(real) })
        used += real
      }
      assert.equal(budget.settled + budget.overrun, used)
      assert.equal(budget.reserved, 0n)
    }),
  )
})

test('an overrun exhausts the budget for whatever needs it, and for nothing else', () => {
  const budget = budgetOf('calls', 10n)
  reserve([budget], calls(2n))
  settle([budget], { from: 'reserved', held: calls(2n), used: calls(50n) })
  assert.deepEqual([budget.settled, budget.overrun], [10n, 40n])
  assert.equal(available(budget), 0n)
  assert.equal(firstExceeded([budget], calls(1n)), budget)
  assert.equal(firstExceeded([budget], noAmounts), undefined)
})

test('a lease gives way to a reservation, but what others lease does not', () => {
  const budget = budgetOf('calls', 10n, 4n)
  growLease(budget, 100n)
  assert.equal(budget.lease, 6n)
  assert.equal(firstExceeded([budget], calls(7n)), budget)
  reserve([budget], calls(5n))
  assert.deepEqual([budget.reserved, budget.lease], [5n, 1n])
  growLease(budget, 0n)
  assert.equal(budget.lease, 1n, 'a lease never shrinks by being asked for less')
})

test('a call that was made before its limit takes nothing of others when it ends', () => {
  const budget = budgetOf('calls', 10n)
  holdAsUnknown([budget], calls(4n))
  assert.deepEqual([budget.reserved, budget.unknown], [0n, 0n])
  settle([budget], { from: 'reserved', held: calls(4n), used: calls(3n) })
  assert.deepEqual([budget.reserved, budget.settled], [0n, 3n])
})

test('what is unknown stays counted until it is settled', () => {
  const budget = budgetOf('calls', 3n)
  reserve([budget], calls(3n))
  holdAsUnknown([budget], calls(3n))
  assert.equal(firstExceeded([budget], calls(1n)), budget)
  settle([budget], { from: 'unknown', held: calls(3n), used: calls(1n) })
  assert.deepEqual([budget.settled, budget.unknown, available(budget)], [1n, 0n, 2n])
})

test('once every call is settled nothing stays reserved or unknown, and all that was used is counted', () => {
  const ends = fc.array(fc.tuple(amount, amount, fc.option(amount)), { maxLength: 20 })
  fc.assert(
    fc.property(amount, ends, (limit, uses) => {
      const budget = budgetOf('calls', limit)
      let used = 0n
      for (const [held, real, certain] of uses) {
        if (firstExceeded([budget], calls(held)) !== undefined) continue
        reserve([budget], calls(held))
        if (certain === null) {
          settle([budget], { from: 'reserved', held: calls(held), used: calls(real) })
          used += real
          continue
        }
        settleAtLeast([budget], { held: calls(held), atLeast: calls(certain) })
        const rest = {
          held: lessen(calls(held), calls(certain)),
          used: lessen(calls(real), calls(certain)),
        }
        settle([budget], { from: 'unknown', ...rest })
        // What was certain stays, also where less is told later.
        used += real > certain ? real : certain
      }
      assert.deepEqual([budget.reserved, budget.unknown], [0n, 0n])
      assert.equal(budget.settled + budget.overrun, used)
    }),
    { numRuns: 1000 },
  )
})

test('the largest fit fits, and one more would not', () => {
  const price = fc.bigInt(0n, 5n)
  fc.assert(
    fc.property(
      fc.tuple(amount, amount, amount),
      fc.tuple(price, price, price),
      fc.tuple(fc.bigInt(0n, 40n), fc.bigInt(0n, 80n)),
      (limits, [prompt, each, fixed], [min, span]) => {
        const budgets = [
          budgetOf('tokens', limits[0]),
          budgetOf('nano_usd', limits[1]),
          budgetOf('output_tokens', limits[2]),
        ]
        const max = min + span
        const amountsOf = (count: bigint): Amounts => ({
          ...noAmounts,
          tokens: prompt + count,
          nanoUsd: fixed + count * each,
          outputTokens: count,
        })
        const fits = (count: bigint) => firstExceeded(budgets, amountsOf(count)) === undefined
        const found = largestFit(budgets, { min, max, amounts: amountsOf })
        if (found === undefined) assert(!fits(min))
        else {
          assert(found >= min && found <= max && fits(found))
          assert(found === max || !fits(found + 1n))
        }
      },
    ),
    { numRuns: 2000 },
  )
})

test('a range that holds nothing has no fit', () => {
  const range = { min: 2n, max: 1n, amounts: calls }
  assert.equal(largestFit([budgetOf('calls', 10n)], range), undefined)
})
