import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median, percentile, round } from './figures.ts'

test('median is the middle sample, whatever the order', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([7]), 7)
})

test('median of an even number is the mean of the two middle samples', () => {
  assert.equal(median([4, 1, 3, 2]), 2.5)
})

test('percentile is a sample that was measured', () => {
  const samples = Array.from({ length: 100 }, (_, index) => 100 - index)
  assert.equal(percentile(samples, 0.5), 50)
  assert.equal(percentile(samples, 0.99), 99)
  assert.equal(percentile(samples, 1), 100)
  assert.equal(percentile(samples, 0), 1)
})

test('no samples have no median and no percentile', () => {
  assert.throws(() => median([]), RangeError)
  assert.throws(() => percentile([], 0.5), RangeError)
})

test('round keeps the decimals asked for', () => {
  assert.equal(round(1.23456, 2), 1.23)
})
