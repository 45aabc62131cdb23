import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOver, standingOf } from './standing.ts'

const cases: readonly (readonly [hold: string, call: string, standing: string, over: boolean])[] = [
  ['pending', 'held', 'pending', false],
  ['deferred', 'held', 'deferred', false],
  ['approving', 'held', 'approved', false],
  ['approved', 'open', 'approved', false],
  ['approved', 'done', 'done', true],
  ['approved', 'failed', 'failed', true],
  ['approved', 'unknown', 'unknown', true],
  ['rejected', 'denied', 'denied', true],
  ['expired', 'denied', 'denied', true],
  ['refused', 'denied', 'denied', true],
  ['cancelled', 'denied', 'denied', true],
]

test('an agent waits until its call is at its end, however the hold came there', () => {
  for (const [hold, call, standing, over] of cases) {
    assert.equal(standingOf({ hold, call }), standing, `${hold} ${call}`)
    assert.equal(isOver(standingOf({ hold, call })), over, `${hold} ${call}`)
  }
})
