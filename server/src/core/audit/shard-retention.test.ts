import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assert as check, integer, property, subarray } from 'fast-check'
import { judgeShard, type ShardFacts } from './shard-retention.ts'

const dayMs = 86_400_000
const due: ShardFacts = {
  isOpen: false,
  size: 10,
  checkpoint: { size: 10, isWitnessed: true },
  newestAtMs: 0,
  retentionDays: 7,
  legalHolds: [],
}

test('a shard is kept until its newest entry is past its time, to the millisecond', () => {
  assert.deepEqual(judgeShard(due, 7 * dayMs - 1), { keptBy: 'not_due', dueAtMs: 7 * dayMs })
  assert.deepEqual(judgeShard(due, 7 * dayMs), { keptBy: undefined, dueAtMs: 7 * dayMs })
})

test('one reason is enough to keep a shard, at any time', () => {
  const reasons: Partial<ShardFacts>[] = [
    { isOpen: true },
    { newestAtMs: undefined },
    { checkpoint: undefined },
    { checkpoint: { size: 9, isWitnessed: true } },
    { checkpoint: { size: 10, isWitnessed: false } },
    { legalHolds: ['one'] },
  ]
  const subsets = subarray(reasons, { minLength: 1 })
  check(
    property(subsets, integer({ min: 0, max: 1e15 }), (chosen, nowMs) => {
      const facts: ShardFacts = Object.assign({}, due, ...chosen)
      assert.notEqual(judgeShard(facts, nowMs).keptBy, undefined)
    }),
  )
})
