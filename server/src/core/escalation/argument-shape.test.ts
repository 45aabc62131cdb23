import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { argumentShape } from './argument-shape.ts'

suite('the form of arguments', () => {
  test('values of the same type and order of size have one form', () => {
    const one = { order_id: '#W1234', items: ['a1', 'b2'], address: { zip: '10115' } }
    const other = { items: ['c3', 'd4'], address: { zip: '80331' }, order_id: '#W9876' }
    assert.equal(argumentShape(one), argumentShape(other))
  })

  test('another name, type or order of size has another form', () => {
    const base = argumentShape({ amount: 42 })
    for (const args of [
      { total: 42 },
      { amount: '42' },
      { amount: 4200 },
      { amount: -42 },
      { amount: 42, note: 'x' },
      { amount: null },
      { amount: [42] },
    ]) {
      assert.notEqual(argumentShape(args), base, JSON.stringify(args))
    }
  })

  test('nothing hides behind many items or members, or some levels down', () => {
    const many = Array.from({ length: 150 }, () => 1)
    assert.notEqual(argumentShape({ many: [...many, 'x'] }), argumentShape({ many: [...many, 1] }))
    const wide = Object.fromEntries(many.map((value, at) => [`m${at}`, value]))
    assert.notEqual(argumentShape({ ...wide, z: 'x' }), argumentShape({ ...wide, z: 1 }))
    const [one, other] = ['x', 1].map((e) => argumentShape({ a: { b: { c: { d: { e } } } } }))
    assert.notEqual(one, other)
  })

  test('no order of members and no depth changes or breaks it', () => {
    const args = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 8 }))
    fc.assert(
      fc.property(args, (value) => {
        const turned = Object.fromEntries(Object.entries(value).toReversed())
        assert.equal(argumentShape(turned), argumentShape(value))
      }),
    )
  })

  test('it holds no value', () => {
    const secret = 'mei.ito@example.com'
    assert(!argumentShape({ email: secret, deep: [{ note: secret }] }).includes('mei'))
  })
})
