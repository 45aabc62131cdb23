import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { compilePact } from '../pact/compile.ts'
import {
  compiled,
  exampleFacts,
  exampleSchemas,
  type ExampleRule,
  withRules,
} from '../pact/example.test-data.ts'
import type { ToolCall } from './call.ts'
import { decide } from './decide.ts'
import type { Decision, Reason } from './decision.ts'

const allow: ExampleRule = { id: 'all', effect: 'allow', tools: ['*'] }

function denyWhen(when: string): ExampleRule {
  return { id: 'r', effect: 'deny', tools: ['retail/pay'], when }
}

function reasonsOf(when: string, args: ToolCall['args']): readonly Reason[] {
  return decided(when, args).reasons
}

/** `allow` where the rule is silent, else the code of the denial. */
function outcome(when: string, args: ToolCall['args']): string {
  const { verdict, code } = decided(when, args)
  return code ?? verdict
}

function decided(when: string, args: ToolCall['args']): Decision {
  const pact = compiled(withRules([allow, denyWhen(when)]))
  const call: ToolCall = {
    kind: 'tool',
    server: 'retail',
    tool: 'pay',
    effectClass: 'irreversible',
    args,
    amount: undefined,
  }
  return decide(call, pact, exampleFacts)
}

suite('comparisons of rules', () => {
  const cases: readonly [string, ToolCall['args'], string][] = [
    ["args.anything == 'x'", { anything: 'y' }, 'allow'],
    ["args.anything == 'x'", { anything: 'x' }, 'policy.denied'],
    ["args.anything == 'x'", { anything: ['x'] }, 'policy.rule_error'],
    ["args.anything == 'x'", { anything: 5 }, 'policy.rule_error'],
    ["args.anything == 'x'", { anything: null }, 'policy.rule_error'],
    ["args.anything != 'x'", { anything: { x: 1 } }, 'policy.rule_error'],
    ['args.anything == null', { anything: 'x' }, 'allow'],
    ['args.anything != null', { anything: null }, 'allow'],
    ["args.anything in ['x', 'y']", { anything: 'z' }, 'allow'],
    ["args.anything in ['x', 'y']", { anything: 5 }, 'policy.rule_error'],
    ["args.anything in ['x', 'y']", { anything: 'у' }, 'policy.rule_error'],
    ['args.anything == 5', { anything: 5.5 }, 'allow'],
    ['args.anything > 5', { anything: 2 ** 53 + 2 }, 'policy.rule_error'],
    ['args.amount > 5.0', { amount: -1e300 }, 'policy.rule_error'],
    [
      "args.items.exists(i, i.price == 1.0) || args.note == 'USA'",
      { items: [], note: 'DE' },
      'allow',
    ],
    [
      "args.items.size() == 0 && args.note == 'USA'",
      { items: [], note: 'ＵSA' },
      'policy.rule_error',
    ],
    // What does not decide is not judged: the condition is false either way.
    ["args.items.size() == 1 && args.note == 'USA'", { items: [], note: 'ＵSA' }, 'allow'],
    ["['USA', 'UK'].exists(c, args.note == c)", { note: 'ＵK' }, 'policy.rule_error'],
    ["['USA', 'UK'].exists(c, c == args.note)", { note: 'FR' }, 'allow'],
    ["args.note.fold() == 'USA'", { note: 'ＵSA' }, 'policy.denied'],
    ["args.note.fold() == 'USA'", { note: 'DE' }, 'allow'],
    ["args.labels['a'] == 1", { labels: { a: 2 } }, 'allow'],
    ["args.note.lowerAscii() == 'usa'", { note: 'ＵＳＡ' }, 'policy.rule_error'],
  ]
  for (const [when, args, expected] of cases) {
    test(`${when} with ${JSON.stringify(args)}: ${expected}`, () => {
      assert.equal(outcome(when, args), expected)
    })
  }

  test('numbers that are none are refused when the rule is compiled', () => {
    for (const [when, found] of [
      ['double(args.note) > 1.0', 'double()'],
      ['int(args.note) > 1', 'int()'],
      ['uint(args.anything) > 1u', 'uint()'],
      ['args.amount / args.amount > 1.0', '/'],
      ['args.amount / 0.0 > 1.0', '/'],
      ['args.count > 9223372036854775808', '9223372036854775808'],
    ] as const) {
      const outcomeOf = compilePact(withRules([allow, denyWhen(when)]), exampleSchemas)
      assert(outcomeOf.kind === 'invalid', when)
      assert.equal(outcomeOf.problems[0]?.value, found, when)
    }
    for (const when of [
      'double(args.count) / 2.0 > 1.0',
      'args.count / 2 > 1',
      'int(args.amount) > 1',
    ]) {
      assert.equal(outcome(when, { count: 1, amount: 1 }), 'allow', when)
    }
  })

  test('the reason of an erring rule holds nothing that came with the call', () => {
    const secret = 'marker-1234'
    for (const [when, args] of [
      ['bool(args.note)', { note: secret }],
      ["duration(args.note) > duration('1s')", { note: secret }],
      ['args.labels[args.note] > 1', { labels: {}, note: secret }],
      ['args.anything == 5', { anything: secret }],
      ["args.note == 'marker'", { note: `\u200Bmarker` }],
      ['args.count * args.count > 5', { count: Number.MAX_SAFE_INTEGER }],
    ] as const) {
      const reason = reasonsOf(when, args).find(({ error }) => error !== undefined)
      assert(reason !== undefined, when)
      assert.doesNotMatch(reason.error ?? '', /marker|9007|8112/, when)
    }
    // What the rule itself names may be told.
    assert.match(reasonsOf("args.note == 'x'", {})[1]?.error ?? '', /No such key: note/)
  })
})
