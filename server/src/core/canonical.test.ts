import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { canonicalJson, parseExactJson, sha256, sha256Hex } from './canonical.ts'

const shared = process.env['AIRWORTHY_SHARED'] ?? join(import.meta.dirname, '../../../../shared')
const vectors = join(shared, 'vectors/jcs-rfc8785/testdata')

suite('canonicalJson', () => {
  const skip = existsSync(vectors) ? false : `no RFC 8785 vectors at ${vectors} (AIRWORTHY_SHARED)`
  test('agrees with the vectors of RFC 8785', { skip }, () => {
    const names = readdirSync(join(vectors, 'input'))
    assert.ok(names.length >= 6)
    for (const name of names) {
      const input: unknown = JSON.parse(readFileSync(join(vectors, 'input', name), 'utf8'))
      const output = readFileSync(join(vectors, 'output', name), 'utf8')
      assert.equal(canonicalJson(input), output, name)
      const hex = readFileSync(join(vectors, 'outhex', name.replace('.json', '.txt')), 'utf8')
      assert.equal(
        Buffer.from(canonicalJson(input)).toString('hex'),
        hex.replaceAll(/\s/g, ''),
        name,
      )
    }
  })

  test('does not depend on the order of keys', () => {
    assert.equal(canonicalJson({ b: 1, a: [true, null] }), canonicalJson({ a: [true, null], b: 1 }))
  })

  test('throws on what JSON cannot say', () => {
    for (const value of [undefined, Number.NaN, Infinity, '\ud800']) {
      assert.throws(() => canonicalJson(value))
    }
  })
})

suite('sha256', () => {
  test('hashes text as UTF-8', () => {
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    assert.equal(sha256Hex(''), empty)
    assert.equal(Buffer.from(sha256(new Uint8Array())).toString('hex'), empty)
    assert.equal(sha256Hex('é'), sha256Hex(Buffer.from('é', 'utf8')))
  })
})

suite('parseExactJson', () => {
  const exact = ['0', '-0', '1', '1.0', '1.50', '0.1', '54.04', '9007199254740991', '1e21', '1E+2']
  const more = ['9007199254740992', '5e-324', '1.7976931348623157e308', '100000000000000000000']
  for (const source of [...exact, ...more, '0.30000000000000004']) {
    test(`takes ${source}`, () => {
      assert.deepEqual(parseExactJson(source), { kind: 'ok', value: JSON.parse(source) })
    })
  }

  const inexact = [
    '9007199254740993',
    '12345678901234567890',
    '0.1000000000000000055511151231257827',
    '333333333.33333329',
    '1e400',
    '-1e400',
    '1e-400',
    '2.5e-324',
    `0.${'0'.repeat(400)}1`,
    '1e999999999999999999999',
  ]
  for (const source of inexact) {
    test(`refuses the number ${source.slice(0, 40)}`, () => {
      const outcome = parseExactJson(`{"a":[0,{"b c":${source}}]}`)
      assert.equal(outcome.kind, 'invalid')
      assert.equal(outcome.code, 'request.number_unsafe')
      assert.equal(outcome.path, 'a[1].b c')
    })
  }

  const broken: [string, RegExp][] = [
    ['', /JSON/],
    ['{', /JSON/],
    ['{"a":1,}', /JSON/],
    ['01', /JSON/],
    ['NaN', /JSON/],
    ['{"a":1,"b":2,"a":3}', /the key "a" occurs twice/],
    ['{"a":{"x":1,"\\u0078":2}}', /the key "x" occurs twice/],
    ['"\\ud800"', /lone surrogate/],
    ['{"\\uDC00":1}', /lone surrogate/],
    ['"\ud800"', /lone surrogate/],
    [`${'['.repeat(201)}${']'.repeat(201)}`, /nested deeper than 200/],
    [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, /nested deeper than 200|JSON|stack/],
  ]
  for (const [text, message] of broken) {
    test(`refuses ${text.slice(0, 30)}`, () => {
      const outcome = parseExactJson(text)
      assert.equal(outcome.kind, 'invalid')
      assert.equal(outcome.code, 'request.invalid_json')
      assert.match(outcome.message, message)
    })
  }

  test('is not misled by what stands inside strings', () => {
    const text = '{"a":"12345678901234567890: {[\\"","\\\\":"\\\\","b":"\\ud83d\\ude00 \\\\ud800"}'
    assert.deepEqual(parseExactJson(text), { kind: 'ok', value: JSON.parse(text) })
  })

  test('takes every text that JSON.stringify writes, and gives the same value', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        assert.deepEqual(parseExactJson(text), { kind: 'ok', value: JSON.parse(text) })
      }),
    )
  })

  test('is linear in long runs of zeros and backslashes', () => {
    const zeros = parseExactJson(`0.${'0'.repeat(200_000)}`)
    assert.equal(zeros.kind, 'ok')
    const slashes = parseExactJson(`"${'\\\\'.repeat(200_000)}"`)
    assert.equal(slashes.kind, 'ok')
  })
})
