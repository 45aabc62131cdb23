import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { EventSplitter } from './event-splitter.ts'

const lineEnd = fc.constantFrom('\n', '\r\n')
const line = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .map((text) => `data: ${text.replaceAll(/[\r\n]/g, ' ')}`)

/** Events whose lines all end alike, and text that comes after the last whole one. */
const streams = fc.record({
  events: fc.array(
    fc
      .tuple(lineEnd, fc.array(line, { minLength: 1, maxLength: 3 }))
      .map(([end, lines]) => `${lines.join(end)}${end}${end}`),
    { maxLength: 6 },
  ),
  rest: fc.oneof(fc.constant(''), line),
})

function split(bytes: Buffer, cuts: readonly number[]): { events: string[]; rest: string } {
  const splitter = new EventSplitter()
  const events: string[] = []
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b)
  let from = 0
  for (const to of [...places, bytes.length]) {
    events.push(...splitter.push(bytes.subarray(from, to)).map((event) => event.toString('utf8')))
    from = to
  }
  return { events, rest: splitter.rest().toString('utf8') }
}

test('however the bytes are cut into chunks, the events are the same', () => {
  fc.assert(
    fc.property(streams, fc.array(fc.nat(), { maxLength: 30 }), ({ events, rest }, cuts) => {
      const bytes = Buffer.from([...events, rest].join(''))
      assert.deepEqual(split(bytes, cuts), { events, rest })
      const everywhere = Array.from({ length: bytes.length }, (_, index) => index)
      assert.deepEqual(split(bytes, everywhere), { events, rest })
    }),
    { numRuns: 500 },
  )
})

test('an event without an end is bounded', () => {
  const splitter = new EventSplitter()
  const mebibyte = Buffer.alloc(1024 * 1024, 0x61)
  assert.throws(() => {
    for (let count = 0; count < 9; count += 1) splitter.push(mebibyte)
  }, RangeError)
})
