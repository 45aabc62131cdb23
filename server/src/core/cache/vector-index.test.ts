import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { cosine, dimensions, projectEmbedding, quantise } from './vector.ts'
import { VectorIndex } from './vector-index.ts'

/** Vectors with near neighbours: a few directions, and a little noise. */
const vector = fc
  .tuple(
    fc.integer({ min: 0, max: 5 }),
    fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
      minLength: dimensions,
      maxLength: dimensions,
    }),
  )
  .map(([direction, noise]) =>
    quantise(
      Float64Array.from(noise, (value, at) => value * 0.3 + Math.sin((at + 1) * (direction + 1))),
    ),
  )

const threshold = 0.8

test('finds what a comparison with every vector finds, after any changes', () => {
  const change = fc.record({ id: fc.nat(20).map(String), vector, isGone: fc.boolean() })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), vector, (changes, asked) => {
      const index = new VectorIndex()
      const held = new Map<string, Int8Array>()
      for (const { id, vector: value, isGone } of changes) {
        if (isGone) {
          index.delete(id)
          held.delete(id)
        } else {
          index.set(id, value)
          held.set(id, value)
        }
      }
      const expected = [...held]
        .map(([id, value]) => ({ id, similarity: cosine(asked, value) }))
        .filter((each) => each.similarity >= threshold)
      const found = index.nearest(asked, { threshold, limit: 100 })
      assert.equal(index.size, held.size)
      assert.deepEqual(
        found.map((each) => each.id).toSorted(),
        expected.map((each) => each.id).toSorted(),
      )
      const likeness = found.map((each) => each.similarity)
      assert.deepEqual(
        likeness,
        likeness.toSorted((a, b) => b - a),
      )
    }),
    { numRuns: 200 },
  )
})

test('a projected embedding keeps what is near and what is far', () => {
  const one = Array.from({ length: 1536 }, (_, at) => Math.sin(at))
  const near = one.map((value, at) => value + 0.1 * Math.cos(at * 7))
  const far = Array.from({ length: 1536 }, (_, at) => Math.sin(at * at + 3))
  assert(cosine(projectEmbedding(one), projectEmbedding(near)) > 0.97)
  assert(Math.abs(cosine(projectEmbedding(one), projectEmbedding(far))) < 0.3)
  assert.throws(() => projectEmbedding([]), RangeError)
  assert.throws(() => projectEmbedding([1, Number.NaN]), RangeError)
})
