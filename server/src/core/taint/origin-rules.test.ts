import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decide } from '../decision/decide.ts'
import type { Decision } from '../decision/decision.ts'
import { compilePact } from '../pact/compile.ts'
import {
  compiled,
  exampleFacts,
  exampleSchemas,
  type ExampleRule,
  withRules,
} from '../pact/example.test-data.ts'
import type { OriginsByArgument } from './taint.ts'

const allow: ExampleRule = { id: 'allow', effect: 'allow', tools: ['retail/*'] }

function denyWhen(when: string): ExampleRule {
  return { id: 'origins', effect: 'deny', tools: ['retail/pay'], when, reason: 'not that' }
}

function decided(when: string, origins: OriginsByArgument | undefined): Decision {
  const call = {
    kind: 'tool',
    server: 'retail',
    tool: 'pay',
    effectClass: 'irreversible',
    args: { note: 'x', amount: 5 },
    amount: undefined,
    origins,
  } as const
  return decide(call, compiled(withRules([allow, denyWhen(when)])), exampleFacts)
}

/** What enrolment says is wrong; empty where nothing is. */
function problemsOf(rules: readonly ExampleRule[]): string {
  const outcome = compilePact(withRules(rules), exampleSchemas)
  if (outcome.kind === 'ok') return ''
  return outcome.problems.map(({ message }) => message).join('\n')
}

function tracks(when: string): boolean {
  return compiled(withRules([allow, denyWhen(when)])).taint.tracksValues
}

suite('rules over origins', () => {
  const fromWeb = { note: ['tool:web/fetch', 'web'], amount: ['unknown'] }
  const outcomes: [string, OriginsByArgument | undefined, string | undefined][] = [
    ["'web' in origin.note", fromWeb, 'policy.denied'],
    ["'web' in origin['note']", fromWeb, 'policy.denied'],
    ["'web' in origin.amount", fromWeb, undefined],
    ["origin.note.exists(o, o.startsWith('tool:'))", fromWeb, 'policy.denied'],
    ["origin.note.all(o, o == 'user')", { note: ['user'] }, 'policy.denied'],
    ["!('user' in origin.note)", { note: ['user'] }, undefined],
    ['has(origin.urgent) && size(origin.urgent) > 0', fromWeb, undefined],
    ["'web' in origin.urgent", fromWeb, 'policy.rule_error'],
    ["'web' in origin.note", undefined, 'policy.rule_error'],
    ['session.untrusted || session.private', fromWeb, undefined],
  ]
  for (const [when, origins, code] of outcomes) {
    test(`${when} over ${JSON.stringify(origins)}: ${code ?? 'allowed'}`, () => {
      assert.equal(decided(when, origins).code, code)
    })
  }

  test('the reason says what the rule was told', () => {
    const [, spoke] = decided("'web' in origin.note", fromWeb).reasons
    assert.equal(spoke?.reason, 'not that (note from tool:web/fetch, web)')
  })

  test('only a rule over origins makes the gateway remember values', () => {
    assert.deepEqual([tracks("'web' in origin.note"), tracks('session.untrusted')], [true, false])
  })

  const refused: [string, RegExp][] = [
    [
      "'web' in origin.nowt",
      /`origin\.nowt`, expected an argument of retail\/pay: amount, count, note/,
    ],
    ["has(origin.nowt) && 'web' in origin.nowt", /origin\.nowt/],
    ["origin.note == 'web'", /no such overload/],
    ["origin.note.trust == 'web'", /valid CEL/],
    ["'web' in origin", /origin followed by the name of a field/],
    ["['web'].exists(origin, origin == 'web')", /a variable name that hides nothing/],
  ]
  for (const [when, message] of refused) {
    test(`enrolment refuses ${when}`, () => {
      assert.match(problemsOf([allow, denyWhen(when)]), message)
    })
  }

  test('a rule about a model cannot ask for origins', () => {
    const when = "'web' in origin.note"
    const rule: ExampleRule = { id: 'models', effect: 'deny', models: ['*'], when }
    assert.match(problemsOf([allow, rule]), /no origin, because the rule selects the model/)
  })
})
