// The table of "Style Examples" of the OpenAPI specification, cell by cell.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import {
  encode,
  type ParameterStyle,
  Unwritable,
  writeHeader,
  writePairs,
  writePath,
} from './serialise.ts'

const text = 'blue'
const list = ['blue', 'black', 'brown']
const record = { R: 100, G: 200, B: 150 }

function how(
  style: ParameterStyle['style'],
  explode: boolean,
  allowReserved = false,
): ParameterStyle {
  return { style, explode, allowReserved }
}

function query(value: unknown, style: ParameterStyle): string {
  const pairs = writePairs('color', value, style)
  return pairs.map(([name, written]) => `${name}=${written}`).join('&')
}

suite('paths', () => {
  const cases: [ParameterStyle['style'], boolean, string, string, string][] = [
    ['matrix', false, ';color=blue', ';color=blue,black,brown', ';color=R,100,G,200,B,150'],
    ['matrix', true, ';color=blue', ';color=blue;color=black;color=brown', ';R=100;G=200;B=150'],
    ['label', false, '.blue', '.blue,black,brown', '.R,100,G,200,B,150'],
    ['label', true, '.blue', '.blue.black.brown', '.R=100.G=200.B=150'],
    ['simple', false, 'blue', 'blue,black,brown', 'R,100,G,200,B,150'],
    ['simple', true, 'blue', 'blue,black,brown', 'R=100,G=200,B=150'],
  ]
  for (const [style, explode, ...written] of cases) {
    test(`${style}${explode ? ', exploded' : ''}`, () => {
      const got = [text, list, record].map((value) =>
        writePath('color', value, how(style, explode)),
      )
      assert.deepEqual(got, written)
    })
  }
})

suite('queries', () => {
  const cases: [ParameterStyle['style'], boolean, unknown, string][] = [
    ['form', false, text, 'color=blue'],
    ['form', false, list, 'color=blue,black,brown'],
    ['form', false, record, 'color=R,100,G,200,B,150'],
    ['form', true, list, 'color=blue&color=black&color=brown'],
    ['form', true, record, 'R=100&G=200&B=150'],
    ['form', true, '', 'color='],
    ['form', true, [], ''],
    ['spaceDelimited', false, list, 'color=blue%20black%20brown'],
    ['spaceDelimited', false, record, 'color=R%20100%20G%20200%20B%20150'],
    ['pipeDelimited', false, list, 'color=blue%7Cblack%7Cbrown'],
    ['deepObject', true, record, 'color[R]=100&color[G]=200&color[B]=150'],
    ['deepObject', true, { a: { b: ['x', 'y'] } }, 'color[a][b][0]=x&color[a][b][1]=y'],
  ]
  for (const [style, explode, value, written] of cases) {
    test(`${style}${explode ? ', exploded' : ''} of ${JSON.stringify(value)}`, () => {
      assert.equal(query(value, how(style, explode)), written)
    })
  }

  test('what would end a value is encoded, reserved characters allowed or not', () => {
    assert.equal(query('a&b=c#d+e[f]%', how('form', true)), 'color=a%26b%3Dc%23d%2Be%5Bf%5D%25')
    assert.equal(
      query('a:/?@&b=c#d+e[f]%2F', how('form', true, true)),
      'color=a:/?@%26b%3Dc%23d%2Be%5Bf%5D%252F',
    )
  })

  test('a form is read back as it was written', () => {
    const value = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(fc.dictionary(value, value), (fields) => {
        const pairs = Object.entries(fields).flatMap(([name, one]) =>
          writePairs(name, one, how('form', true)),
        )
        const read = new URLSearchParams(pairs.map(([name, one]) => `${name}=${one}`).join('&'))
        assert.deepEqual([...read], Object.entries(fields))
      }),
    )
  })
})

test('headers are written as they are', () => {
  assert.equal(writeHeader(list, how('simple', false)), 'blue,black,brown')
  assert.equal(writeHeader(record, how('simple', false)), 'R,100,G,200,B,150')
  assert.equal(writeHeader(record, how('simple', true)), 'R=100,G=200,B=150')
})

test('a number has no exponent while it is whole', () => {
  assert.equal(writePath('id', 1e21, how('simple', false)), '1000000000000000000000')
  assert.equal(writePath('id', -7, how('simple', false)), '-7')
})

test('what has no text here is refused', () => {
  for (const value of [null, [null], { a: { b: 1 } }, [[1]], Number.NaN, '\ud800']) {
    assert.throws(() => writePath('a', value, how('simple', false)), Unwritable)
  }
  assert.throws(() => writePairs('a', Array(2000).fill(1), how('form', true)), Unwritable)
  let deep: unknown = 'x'
  for (let level = 0; level < 20; level += 1) deep = { deep }
  assert.throws(() => writePairs('a', deep, how('deepObject', true)), Unwritable)
})

test('an encoded text has no character that means anything in a URL', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (any) => {
      assert.match(encode(any), /^(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*$/)
    }),
  )
})
