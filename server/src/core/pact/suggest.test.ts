import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { suggest } from './suggest.ts'

suite('suggest', () => {
  const known = ['drift', 'limits', 'baseUrl', 'order_id', 'retail/get_order']
  const cases: [string, string | undefined][] = [
    ['drfit', 'drift'],
    ['limit', 'limits'],
    ['baseURL', 'baseUrl'],
    ['order', 'order_id'],
    ['retial/get_order', 'retail/get_order'],
    ['something', undefined],
    ['', undefined],
    ['x'.repeat(1000), undefined],
  ]
  for (const [name, expected] of cases) {
    test(`answers ${String(expected)} for ${name.slice(0, 20)}`, () => {
      assert.equal(suggest(name, known), expected)
    })
  }
})
