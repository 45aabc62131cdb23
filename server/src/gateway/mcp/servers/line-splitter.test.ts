import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { LineSplitter } from './line-splitter.ts'

suite('LineSplitter', () => {
  test('law: however the bytes are cut, the lines are the same', () => {
    const line = fc.string({ unit: 'binary' }).map((text) => text.replaceAll(/[\r\n]/g, ' '))
    const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 })
    fc.assert(
      fc.property(fc.array(line), cuts, (lines, sizes) => {
        const bytes = Buffer.from(lines.map((each) => `${each}\n`).join(''))
        const splitter = new LineSplitter(1_000_000)
        const found: string[] = []
        for (let from = 0, each = 0; from < bytes.length; each += 1) {
          const size = sizes[each % sizes.length] ?? 1
          found.push(...(splitter.push(bytes.subarray(from, from + size)) ?? []))
          from += size
        }
        const wanted = lines.map((each) => Buffer.from(each).toString('utf8'))
        assert.deepEqual(found, wanted)
      }),
    )
  })

  test('a line of the limit passes, one byte more does not, whether or not it ends', () => {
    assert.deepEqual(new LineSplitter(3).push(Buffer.from('abc\n')), ['abc'])
    assert.equal(new LineSplitter(3).push(Buffer.from('abcd\n')), undefined)
    const splitter = new LineSplitter(3)
    assert.deepEqual(splitter.push(Buffer.from('ab')), [])
    assert.equal(splitter.push(Buffer.from('cd')), undefined)
  })

  test('takes the end of a Windows line for what it is', () => {
    assert.deepEqual(new LineSplitter(10).push(Buffer.from('a\r\nb\n')), ['a', 'b'])
  })
})
