import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { keyArgumentFault, withKeyArgument, withoutArgument } from './key-argument.ts'

const text = { type: 'string' }

function takes(key: Record<string, unknown>) {
  return { type: 'object', properties: { amount: { type: 'number' }, key }, required: ['key'] }
}

suite('keyArgument', () => {
  const wrong: [string, Record<string, unknown>][] = [
    ['a number', { type: 'number' }],
    ['an enumeration', { ...text, enum: ['a'] }],
    ['a pattern', { ...text, pattern: '^a$' }],
    ['a date', { ...text, format: 'date' }],
    ['too short', { ...text, maxLength: 31 }],
  ]
  for (const [name, schema] of wrong) {
    test(`cannot be ${name}`, () => {
      assert.equal(typeof keyArgumentFault(takes(schema), 'key'), 'string')
    })
  }

  test('can be any string, a uuid, or a string of 32 characters', () => {
    for (const schema of [text, { ...text, format: 'uuid' }, { ...text, maxLength: 32 }]) {
      assert.equal(keyArgumentFault(takes(schema), 'key'), undefined)
    }
    assert.equal(typeof keyArgumentFault(takes(text), 'other'), 'string')
  })

  test('is neither listed nor required of the agent', () => {
    assert.deepEqual(withoutArgument(takes(text), 'key'), {
      type: 'object',
      properties: { amount: { type: 'number' } },
      required: [],
    })
    assert.deepEqual(withoutArgument(takes(text), undefined), takes(text))
  })

  test('fits its schema, the same for the same key and another for another', () => {
    const schemas = [text, { ...text, format: 'uuid' }, { ...text, maxLength: 40 }]
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.constantFrom(...schemas), (a, b, schema) => {
        const sent = (key: string): string => {
          const target = { inputSchema: takes(schema), argument: 'key', key }
          return String(withKeyArgument({ amount: 1 }, target)['key'])
        }
        assert.equal(sent(a) === sent(b), a === b)
        assert.equal(sent(a), sent(a))
        if ('maxLength' in schema) assert(sent(a).length <= schema.maxLength || a.length <= 40)
        if ('format' in schema) assert.match(sent(a), uuid)
      }),
    )
  })
})
