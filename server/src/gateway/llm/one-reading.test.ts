import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { refuseTwoReadings } from './one-reading.ts'

function isRefused(text: string): boolean {
  const json: unknown = JSON.parse(text)
  assert(typeof json === 'object' && json !== null)
  try {
    refuseTwoReadings(text, json)
    return false
  } catch {
    return true
  }
}

/** Each letter as it is, or as an escape. */
const spelt = (name: string) =>
  fc.tuple(...Array.from(name, () => fc.boolean())).map((escapes) =>
    Array.from(name, (letter, at) => {
      const code = letter.charCodeAt(0).toString(16).padStart(4, '0')
      return escapes[at] === true ? `\\u${code}` : letter
    }).join(''),
  )

const names = ['model', 'max_tokens', 'n', 'stream', 'messages']
const value = fc.jsonValue().map((one) => JSON.stringify(one))
const other = fc.dictionary(
  fc.string().filter((name) => !names.includes(name.toLowerCase())),
  fc.jsonValue(),
)

test('a second member of a watched name is found, however it is spelt and whatever lies between', () => {
  const name = fc.constantFrom(...names)
  fc.assert(
    fc.property(
      name.chain((one) => fc.tuple(spelt(one), spelt(one))),
      value,
      value,
      other,
      ([first, second], one, two, between) => {
        const rest = JSON.stringify(between).slice(1, -1)
        const middle = rest === '' ? '' : `${rest},`
        assert(isRefused(`{"${first}":${one},${middle}"${second}":${two}}`))
      },
    ),
  )
})

test('one member of each name is enough, whatever stands deeper', () => {
  const nested = fc.record({
    model: fc.jsonValue(),
    MODEL: fc.jsonValue(),
    text: fc.constant('"model":"model"'),
  })
  fc.assert(
    fc.property(nested, nested, (one, two) => {
      const text = JSON.stringify({ model: 'm', tools: [one, two], messages: [two, { one }] })
      assert(!isRefused(text))
    }),
  )
})

test('a name that differs in case alone is found', () => {
  for (const name of ['Model', 'MAX_TOKENS', 'max_to\u212Aens', 'meſſages', 'STREAM', 'N']) {
    assert(isRefused(JSON.stringify({ [name]: 1 })), name)
  }
  for (const name of ['models', 'x_model', 'max-tokens', 'seed', 'toString', '__proto__']) {
    assert(!isRefused(`{"${name}":1}`), name)
  }
})
