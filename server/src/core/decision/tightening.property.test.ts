// A pact is changed by adding rules. What that can do to a verdict, whatever the rules, the call and
// the facts are.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { compiled, exampleFacts, type ExampleRule, withRules } from '../pact/example.test-data.ts'
import type { ToolCall } from './call.ts'
import { decide } from './decide.ts'
import type { Verdict } from './decision.ts'

const STRICTNESS: Readonly<Record<Verdict, number>> = { allow: 0, hold: 1, deny: 2 }

/** Over arguments, facts, counts, the agent and the time; some err for some calls. */
const atoms = [
  'args.amount > 100.0',
  'args.amount <= 50.5',
  "args.note == 'x'",
  "args.note.contains('urgent')",
  "has(args.note) && args.note != 'x'",
  "args.anything == 'x'",
  "args.anything in ['a', 'b']",
  'args.count / (args.count - 1) > 0',
  'args.items.exists(i, i.price > 10.0)',
  "args.labels['tier'] > 3",
  'session.writes >= 2',
  'session.spentNanoUsd > 1000',
  "session.done['retail/find_user_id_by_email'] == 0",
  "session.failed['retail/pay'] + session.unknown['retail/pay'] > 0",
  "agent.stakes == 'high'",
  'now.getHours() < 12',
]

const conditionArbitrary = fc
  .array(fc.tuple(fc.constantFrom(...atoms), fc.constantFrom('&&', '||'), fc.boolean()), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) =>
    parts
      .map(([atom, operator, isNegated], index) => {
        const term = isNegated ? `!(${atom})` : `(${atom})`
        return index === 0 ? term : ` ${operator} ${term}`
      })
      .join(''),
  )

const ruleArbitrary = fc.record({
  effect: fc.constantFrom('allow' as const, 'hold' as const, 'deny' as const),
  when: fc.option(conditionArbitrary, { nil: undefined }),
})
type RandomRule = { readonly effect: Verdict; readonly when: string | undefined }

const rulesArbitrary = fc.array(ruleArbitrary, { maxLength: 6 })

const valueArbitrary = fc.oneof(
  fc.integer({ min: -300, max: 300 }),
  fc.double({ noNaN: true }),
  fc.constantFrom('x', 'х', '5,000', 'urgent', 'urg\u00ADent', '', null, true, [], { tier: 5 }),
  fc.constant([{ price: 50 }, { price: 'free' }]),
  fc.string({ unit: 'grapheme' }),
)
const argsArbitrary = fc.dictionary(
  fc.constantFrom('amount', 'note', 'count', 'anything', 'items', 'labels'),
  valueArbitrary,
)
const factsArbitrary = fc.record({
  writes: fc.nat(4),
  spent: fc.bigInt(0n, 2000n),
  found: fc.nat(1),
  failed: fc.nat(2),
})

function rulesOf(rules: readonly RandomRule[]): ExampleRule[] {
  return rules.map(({ effect, when }, index): ExampleRule => {
    const rule = { id: `rule-${index}`, effect, tools: ['retail/pay'] }
    return when === undefined ? rule : { ...rule, when }
  })
}

/** Rules that no manifest may hold (never true together) are no pact. */
function verdictOf(
  rules: readonly ExampleRule[],
  args: ToolCall['args'],
  facts: { writes: number; spent: bigint; found: number; failed: number },
): Verdict {
  const call: ToolCall = {
    kind: 'tool',
    server: 'retail',
    tool: 'pay',
    effectClass: 'irreversible',
    args,
    amount: undefined,
  }
  const session = {
    ...exampleFacts.session,
    writes: facts.writes,
    spentNanoUsd: facts.spent,
    tools: {
      'retail/find_user_id_by_email': { made: 1, done: facts.found, failed: 0, unknown: 0 },
      'retail/pay': { made: facts.failed, done: 0, failed: facts.failed, unknown: 0 },
    },
  }
  return decide(call, compiled(withRules(rules)), { ...exampleFacts, session }).verdict
}

function isPact(rules: readonly RandomRule[]): boolean {
  try {
    compiled(withRules(rulesOf(rules)))
    return true
  } catch {
    return false
  }
}

const settings = { numRuns: 120 }

suite('laws of changing a pact', () => {
  test('adding a deny rule never makes a verdict laxer', () => {
    fc.assert(
      fc.property(
        rulesArbitrary,
        fc.option(conditionArbitrary, { nil: undefined }),
        argsArbitrary,
        factsArbitrary,
        (rules, when, args, facts) => {
          const added: RandomRule[] = [...rules, { effect: 'deny', when }]
          fc.pre(isPact(added))
          const before = verdictOf(rulesOf(rules), args, facts)
          const after = verdictOf(rulesOf(added), args, facts)
          assert.ok(STRICTNESS[after] >= STRICTNESS[before], `${before} -> ${after}`)
        },
      ),
      settings,
    )
  })

  test('adding any rule opens only what nothing spoke for', () => {
    fc.assert(
      fc.property(rulesArbitrary, ruleArbitrary, argsArbitrary, factsArbitrary, (...given) => {
        const [rules, rule, args, facts] = given
        const added = [...rules, rule]
        fc.pre(isPact(added))
        const before = verdictOf(rulesOf(rules), args, facts)
        const after = verdictOf(rulesOf(added), args, facts)
        if (STRICTNESS[after] >= STRICTNESS[before]) return
        // A verdict that became laxer was the default's denial, and the new rule spoke alone.
        assert.equal(before, 'deny')
        assert.equal(after, rule.effect)
        assert.equal(verdictOf(rulesOf([rule]), args, facts), after)
        assert.ok(rules.every((each) => verdictOf(rulesOf([each, rule]), args, facts) === after))
      }),
      settings,
    )
  })

  test('the order of rules never matters', () => {
    fc.assert(
      fc.property(
        rulesArbitrary.chain((rules) =>
          fc.tuple(fc.constant(rules), fc.shuffledSubarray(rules, { minLength: rules.length })),
        ),
        argsArbitrary,
        factsArbitrary,
        ([rules, shuffled], args, facts) => {
          fc.pre(isPact(rules))
          const one = verdictOf(rulesOf(rules), args, facts)
          assert.equal(verdictOf(rulesOf(shuffled), args, facts), one)
        },
      ),
      settings,
    )
  })

  test('a rule that errs denies, whatever its effect and its neighbours', () => {
    fc.assert(
      fc.property(rulesArbitrary, ruleArbitrary, argsArbitrary, factsArbitrary, (...given) => {
        const [rules, { effect }, args, facts] = given
        fc.pre(isPact(rules))
        // The argument is never given, so reading it is an error.
        const erring: ExampleRule = {
          id: 'erring',
          effect,
          tools: ['retail/pay'],
          when: 'args.urgent',
        }
        assert.equal(verdictOf([...rulesOf(rules), erring], args, facts), 'deny')
      }),
      settings,
    )
  })
})
