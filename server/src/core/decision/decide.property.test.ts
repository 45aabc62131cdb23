import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { compiled, exampleFacts, withRules } from '../pact/example.test-data.ts'
import type { ExampleRule } from '../pact/example.test-data.ts'
import type { ToolCall } from './call.ts'
import { decide } from './decide.ts'
import type { Decision } from './decision.ts'

const conditions = [
  undefined,
  'args.amount > 100',
  'args.amount <= 100',
  'args.note == "x"',
  'has(args.note) && args.note != "x"',
  'session.writes >= 2',
  'session.done["retail/find_user_id_by_email"] == 0',
  'args.count / (args.count - 1) > 0',
  'args.anything == true',
]

const ruleArbitrary = fc.record({
  effect: fc.constantFrom('allow' as const, 'hold' as const, 'deny' as const),
  tools: fc.constantFrom('*', 'retail/pay', 'retail/get_*').map((pattern) => [pattern]),
  when: fc.constantFrom(...conditions),
})

/** Conditions read arguments that only `pay` has, so a rule with one selects only that. */
const rulesArbitrary = fc.array(ruleArbitrary, { maxLength: 6 }).map((rules) =>
  rules.map(({ effect, tools, when }, index): ExampleRule => {
    const id = `rule-${index}`
    return when === undefined ? { id, effect, tools } : { id, effect, tools: ['retail/pay'], when }
  }),
)

const jsonArbitrary = fc.oneof(
  fc.integer({ min: -300, max: 300 }),
  fc.double({ noNaN: true }),
  fc.constantFrom('x', '5,000', '', null, true, [], {}),
  fc.string(),
)

const argsArbitrary = fc.dictionary(
  fc.constantFrom('amount', 'note', 'count', 'anything', 'other'),
  jsonArbitrary,
)

const factsArbitrary = fc.integer({ min: 0, max: 4 }).map((writes) => ({
  ...exampleFacts,
  session: { ...exampleFacts.session, writes },
}))

const STRICTNESS = { allow: 0, hold: 1, deny: 2 }

function decided(
  rules: readonly ExampleRule[],
  args: ToolCall['args'],
  facts = exampleFacts,
): Decision {
  const call: ToolCall = {
    kind: 'tool',
    server: 'retail',
    tool: 'pay',
    effectClass: 'irreversible',
    args,
    amount: undefined,
  }
  return decide(call, compiled(withRules(rules)), facts)
}

suite('laws of decide', () => {
  test('another deny or hold rule never loosens a verdict that rests on an allow', () => {
    const added = ruleArbitrary.filter((rule) => rule.effect !== 'allow')
    fc.assert(
      fc.property(
        rulesArbitrary,
        added,
        argsArbitrary,
        factsArbitrary,
        (rules, rule, args, facts) => {
          const before = decided(rules, args, facts)
          // A hold rule is itself a permission: it may open what nothing spoke for.
          fc.pre(before.reasons[0]?.rule !== 'default' || rule.effect === 'deny')
          const extra: ExampleRule = { ...rule, id: 'added', tools: ['retail/pay'] }
          const after = decided([...rules, extra], args, facts)
          assert.ok(STRICTNESS[after.verdict] >= STRICTNESS[before.verdict])
        },
      ),
      { numRuns: 150 },
    )
  })

  test('the order of rules does not matter', () => {
    fc.assert(
      fc.property(rulesArbitrary, argsArbitrary, factsArbitrary, (rules, args, facts) => {
        const one = decided(rules, args, facts)
        const other = decided(rules.toReversed(), args, facts)
        assert.equal(one.verdict, other.verdict)
        assert.equal(one.code, other.code)
      }),
      { numRuns: 150 },
    )
  })

  test('a rule that errs always denies', () => {
    const erring: ExampleRule = {
      id: 'erring',
      effect: 'allow',
      tools: ['retail/pay'],
      when: 'args.urgent',
    }
    fc.assert(
      fc.property(rulesArbitrary, argsArbitrary, factsArbitrary, (rules, args, facts) => {
        const decision = decided([...rules, erring], args, facts)
        assert.equal(decision.verdict, 'deny')
        assert.ok(
          decision.reasons.some(({ rule, error }) => rule === 'erring' && error !== undefined),
        )
      }),
      { numRuns: 150 },
    )
  })

  test('nothing is allowed that no allow rule spoke for, and nothing throws', () => {
    fc.assert(
      fc.property(rulesArbitrary, argsArbitrary, factsArbitrary, (rules, args, facts) => {
        const { verdict, code, reasons } = decided(rules, args, facts)
        const spoke = reasons.map((reason) => reason.verdict)
        if (verdict === 'allow')
          assert.ok(spoke.length > 0 && spoke.every((each) => each === 'allow'))
        else assert.notEqual(code, undefined)
      }),
      { numRuns: 150 },
    )
  })
})
