import assert from 'node:assert/strict'
import { it } from 'node:test'
import { calculate } from './calculate.ts'
import { roundToCents } from './money.ts'

const CASES: [string, string | undefined][] = [
  ['2 + 2', '4.0'],
  ['150.01 - 137.94', '12.07'],
  ['(2459.74 * 2) - (2291.87 + 2520.52)', '107.09'],
  ['-(1.5 + .5) * 3', '-6.0'],
  ['7 - 2 - 1', '4.0'],
  ['8 / 4 / 2', '1.0'],
  ['1 / 3', '0.33'],
  ['1 / 0', undefined],
  ['', undefined],
  ['2 +', undefined],
  ['(2', undefined],
  ['2 2', undefined],
  ['process.exit()', undefined],
  ['1e9', undefined],
]

it('calculates as the recorded desk did and evaluates nothing else', () => {
  for (const [expression, expected] of CASES) {
    const outcome = calculate({ expression })
    assert.equal(outcome.kind === 'answered' ? outcome.result : undefined, expected, expression)
  }
})

it('rounds halves that a double can hold to the even cent', () => {
  assert.deepEqual(
    [0.125, 0.375, -0.125, -0.375, 2.675, 1.005].map(roundToCents),
    [0.12, 0.38, -0.12, -0.38, 2.67, 1],
  )
})
