import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { batchBytesMax, batchItemsMax, type Item, outcomeItem, takeBatch } from './items.ts'

// Untouched memory costs nothing.
const bytes = Buffer.allocUnsafe(batchBytesMax + 1)

function itemOf(length: number | undefined, at: number): Item {
  const sealed = { subjectId: bytes.subarray(0, 16), commitment: '' }
  return outcomeItem({
    callId: String(at),
    state: 'done',
    code: undefined,
    usage: undefined,
    used: undefined,
    response: length === undefined ? undefined : { ...sealed, sealed: bytes.subarray(0, length) },
    resolvedBy: undefined,
  })
}

function bytesOf(items: readonly Item[]): number {
  return items.reduce(
    (sum, item) =>
      sum + (item.kind === 'outcome' ? (item.outcome.response?.sealed.length ?? 0) : 0),
    0,
  )
}

const length = fc.oneof(
  fc.constant(undefined),
  fc.nat(1000),
  fc.integer({ min: batchBytesMax / 8, max: batchBytesMax + 1 }),
)

test('a batch is the oldest items, within its bounds, and as many of them as fit', () => {
  fc.assert(
    fc.property(fc.array(length, { minLength: 1, maxLength: 40 }), (lengths) => {
      const queue = lengths.map(itemOf)
      const before = [...queue]
      const batch = takeBatch(queue)
      assert.deepEqual([...batch, ...queue], before)
      assert(batch.length > 0)
      assert(batch.length === 1 || bytesOf(batch) <= batchBytesMax)
      const [next] = queue
      if (next !== undefined) assert(bytesOf([...batch, next]) > batchBytesMax)
    }),
  )
})

test('a batch has a bounded number of items', () => {
  const queue = Array.from({ length: batchItemsMax + 5 }, (_, at) => itemOf(undefined, at))
  assert.equal(takeBatch(queue).length, batchItemsMax)
  assert.equal(takeBatch(queue).length, 5)
  assert.deepEqual(takeBatch(queue), [])
})
