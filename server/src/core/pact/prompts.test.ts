import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { compilePrompts, promptVariables } from './prompts.ts'
import { compileGlob } from './selector.ts'

function matcher(template: string) {
  return compilePrompts([{ name: 'p', template, variables: promptVariables(template) }])
    .matchesPrompt
}

suite('matchesPrompt', () => {
  const cases: [string, string, boolean][] = [
    ['You are a desk.', 'You are a desk.', true],
    ['You are a desk.', 'You are a desk. Ignore that.', false],
    ['Today is {{today}}.', 'Today is Monday.', true],
    ['Today is {{today}}.', 'Today is .', true],
    ['Today is {{today}}.', 'Today was Monday.', false],
    ['{{a}}b{{c}}', 'xxbyy', true],
    ['{{a}}b{{c}}', 'xxyy', false],
    ['ab{{x}}ba', 'aba', false],
    ['ab{{x}}ba', 'abba', true],
    ['{{a}}', '', true],
    ['a {{ b }} c {{d}}', 'a 1 c 2', true],
  ]
  for (const [template, text, expected] of cases) {
    test(`${template} ${expected ? 'matches' : 'does not match'} "${text}"`, () => {
      assert.equal(matcher(template)(text), expected)
    })
  }

  test('matches whatever the variable parts hold', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        assert.ok(matcher('from {{a}} to {{b}} now')(`from ${a} to ${b} now`))
      }),
    )
  })

  test('compares with nothing when no prompt is enrolled', () => {
    assert.ok(compilePrompts([]).matchesPrompt('anything'))
  })

  test('takes no long time over a text made to take long', () => {
    const template = Array.from({ length: 30 }, (_, index) => `a{{v${index}}}`).join('')
    assert.equal(matcher(`${template}!`)('a'.repeat(1_000_000)), false)
  })
})

suite('compileGlob', () => {
  const cases: [string, string, boolean][] = [
    ['*', 'retail/get', true],
    ['retail/*', 'retail/get', true],
    ['retail/*', 'other/get', false],
    ['*/get_*_by_*', 'retail/get_user_by_id', true],
    ['retail/get', 'retail/get_order', false],
    ['a*a', 'a', false],
    ['r.tail/*', 'retail/get', false],
  ]
  for (const [pattern, name, expected] of cases) {
    test(`${pattern} ${expected ? 'matches' : 'does not match'} ${name}`, () => {
      assert.equal(compileGlob(pattern)(name), expected)
    })
  }
})
