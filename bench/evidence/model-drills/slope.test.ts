import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fitSlope, meansOf } from './slope.ts'

test('a line is found, and its slope is certain where all points are on it', () => {
  const { slope, standardError } = fitSlope([0, 1, 2, 3].map((x) => [x, 2 * x + 5]))
  assert.equal(slope, 2)
  assert.equal(standardError, 0)
})

test('the slope of points around a line is as uncertain as the textbook says', () => {
  // Residuals are +-1 around y = x: their squares sum to 4 - 0.8; divided by 2, then by 5.
  const { slope, standardError } = fitSlope([
    [0, 1],
    [1, 0],
    [2, 3],
    [3, 2],
  ])
  assert.equal(slope, 0.6)
  assert(Math.abs(standardError - Math.sqrt(3.2 / 2 / 5)) < 1e-12)
})

test('means of stretches keep the slope of a line', () => {
  const points = Array.from({ length: 100 }, (_each, x): [number, number] => [x, 3 * x])
  const means = meansOf(points, 10)
  assert.equal(means.length, 10)
  assert.equal(fitSlope(means).slope, 3)
})
