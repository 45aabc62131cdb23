import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isSameResult } from './compare.ts'

const ok = (text: string) => ({ text, isError: false })
const error = (text: string) => ({ text, isError: true })

describe('a tool result is as recorded', () => {
  const cases: [string, Parameters<typeof isSameResult>, boolean][] = [
    ['when the JSON is equal with doubles', [ok('{"a": 1.0, "b": 2}'), ok('{"b":2,"a":1}')], true],
    ['not when a number is another double', [ok('164.28'), ok('164.27999999999997')], false],
    ['not when a list has another order', [ok('[1, 2]'), ok('[2, 1]')], false],
    ['when text that is no JSON is equal', [ok('mia_li_1'), ok('mia_li_1')], true],
    ['not when such text differs', [ok('mia_li_1'), ok('mia_li_2')], false],
    ['not when text stands for JSON', [ok('mia_li_1'), ok('"mia_li_1"')], false],
    ['when both are errors, whatever they say', [error('one'), error('other')], true],
    ['not when only one is an error', [ok('{}'), error('{}')], false],
  ]
  for (const [name, [recorded, observed], same] of cases) {
    it(name, () => assert.equal(isSameResult(recorded, observed), same))
  }
})
