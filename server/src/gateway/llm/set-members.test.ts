import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { setMembers } from './set-members.ts'

const cases: readonly [name: string, text: string, expected: string][] = [
  ['an empty object', '{}', '{"a":1}'],
  ['an object with spaces', ' { } ', ' { "a":1} '],
  ['another member', '{"b":1.0}', '{"b":1.0,"a":1}'],
  ['the member itself', '{ "b":[{"a":2}], "a" : "x" , "c":3}', '{ "b":[{"a":2}], "a" : 1 , "c":3}'],
  ['a member that is written with escapes', '{"\\u0061":[1,2]}', '{"\\u0061":1}'],
  ['a member that occurs twice', '{"a":"}","a":{"a":"\\""}}', '{"a":1,"a":1}'],
]
for (const [name, text, expected] of cases) {
  test(`sets a member of ${name}`, () => {
    assert.equal(setMembers(text, [{ name: 'a', value: '1' }]), expected)
  })
}

test('sets nested members and keeps their neighbours', () => {
  const nested = [{ name: 'x', value: 'true' }]
  const set = (text: string) => setMembers(text, [{ name: 'o', nested }])
  assert.equal(set('{"o":{"y":1.0,"x":false},"z":2}'), '{"o":{"y":1.0,"x":true},"z":2}')
  assert.equal(set('{"o":null}'), '{"o":{"x":true}}')
  assert.equal(set('{"z":2}'), '{"z":2,"o":{"x":true}}')
})

test('means the same as setting the member of the parsed object', () => {
  const objects = fc.dictionary(fc.string(), fc.jsonValue())
  fc.assert(
    fc.property(objects, fc.string(), fc.jsonValue(), fc.nat(3), (object, name, value, indent) => {
      const text = setMembers(JSON.stringify(object, null, indent), [
        { name, value: JSON.stringify(value) },
      ])
      const entries = [...Object.entries(object).filter(([key]) => key !== name), [name, value]]
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(Object.fromEntries(entries))))
    }),
  )
})

function drop(text: string, ...at: number[]): string {
  return setMembers(text, [{ name: 'l', dropped: new Set(at) }])
}

test('leaves elements of a list out, and keeps the others as they are written', () => {
  assert.equal(drop('{"l":[ 1.0 , {"a":"]"},[2,3] ],"z":2}', 1), '{"l":[1.0,[2,3]],"z":2}')
  assert.equal(drop('{"l":[1,2]}', 0, 1), '{"l":[]}')
  assert.equal(drop('{"l":[]}', 0), '{"l":[]}')
  assert.equal(drop('{"l":"text"}', 0), '{"l":"text"}')
})
