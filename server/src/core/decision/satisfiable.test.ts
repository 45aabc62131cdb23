import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { compileCondition } from './compile-condition.ts'
import { targetEnvironment } from './rule-environment.ts'

const environment = targetEnvironment({
  kind: 'tool',
  name: 'shop/pay',
  hasAmount: true,
  inputSchema: {
    type: 'object',
    properties: {
      n: { type: 'integer', minimum: 1, maximum: 5 },
      x: { type: 'number' },
      s: { type: 'string' },
      color: { type: 'string', enum: ['red', 'green'] },
      flag: { type: 'boolean' },
    },
  },
})

function canBeTrue(when: string): boolean {
  const outcome = compileCondition(when, { environment, tools: ['shop/pay', 'shop/get'] })
  assert.ok(
    outcome.kind === 'ok',
    outcome.kind === 'invalid' ? JSON.stringify(outcome.problems) : '',
  )
  return outcome.canBeTrue
}

suite('a condition that can never be true', () => {
  const never = [
    'false',
    '!true',
    '1 == 2',
    '1 + 1 > 3',
    'size("abc") == 4',
    '1 / 0 == 1',
    'true && false',
    'args.n == 6',
    'args.n > 5',
    'args.n < 1',
    'args.n > 3 && args.n < 4',
    'args.n == 1 && args.n == 2',
    'args["n"] == 1 && args.n == 2',
    'args.n != 1 && args.n != 2 && args.n != 3 && args.n != 4 && args.n != 5',
    'args.x > 2.0 && args.x < 1.0',
    'args.x > 1.0 && args.x <= 1.0',
    'args.x == 1.5 && args.x != 1.5',
    '2.0 < args.x && args.x < 1',
    'args.color == "blue"',
    'args.color in ["blue", "black"]',
    'args.color != "red" && args.color != "green"',
    '!(args.color in ["red", "green"])',
    'args.s == "a" && args.s == "b"',
    'args.flag && !args.flag',
    'args.flag == true && args.flag == false',
    'args.s.startsWith("a") && !args.s.startsWith("a")',
    'session.writes < 0',
    'session.done["shop/get"] + session.done["shop/pay"] < 0',
    'size(args.s) < 0',
    'call.amount < 0',
    'call.amount > 10 && call.amount < 5',
    'call.kind == "model"',
    'call.tool == "get"',
    'call.effect == "writes"',
    'agent.stakes == "huge"',
    'args.n == 6 || args.color == "blue"',
    'args.flag ? args.n > 5 : args.n < 1',
    '!(args.n >= 1)',
    '!(args.n > 3 || args.n <= 3)',
  ]
  for (const when of never) {
    test(when, () => {
      assert.equal(canBeTrue(when), false)
    })
  }
})

suite('a condition that may be true', () => {
  const maybe = [
    'true',
    'args.n == 5',
    'args.n > 3 && args.n < 5',
    'args.x > 3.0 && args.x < 4.0',
    'args.x > 3.0 && args.x < 3.1',
    'args.color == "red"',
    'args.color != "red"',
    '!(args.color in ["red"])',
    'args.n == 6 || args.n == 5',
    'args.n > 5 || session.writes >= 3',
    'session.writes == 0',
    'session.done["shop/get"] + session.done["shop/pay"] == 0',
    'call.effect == "irreversible"',
    'agent.stakes == "low"',
    'args.s > "a" && args.s < "b"',
    'args.s == "a" && args.color == "red"',
    'args.x < args.x',
    'now > timestamp("2020-01-01T00:00:00Z")',
    'now.getHours() >= 22 || now.getHours() < 6',
    'has(args.s) && args.s != ""',
    'args.flag ? args.n > 5 : args.n >= 1',
  ]
  for (const when of maybe) {
    test(when, () => {
      assert.equal(canBeTrue(when), true)
    })
  }

  test('gives up on a condition with too many cases, and takes it', () => {
    const clause = '(args.n == 6 || args.n == 7)'
    assert.equal(canBeTrue(Array.from({ length: 8 }, () => clause).join(' && ')), true)
  })
})

suite('soundness', () => {
  const number = fc.integer({ min: -1, max: 7 })
  const operator = fc.constantFrom('==', '!=', '<', '<=', '>', '>=')
  const atom = fc.oneof(
    fc.tuple(operator, number).map(([op, value]) => `args.n ${op} ${value}`),
    fc.tuple(operator, number).map(([op, value]) => `${value} ${op} args.n`),
    fc.tuple(operator, number).map(([op, value]) => `args.x ${op} ${value}.5`),
    fc.array(number, { maxLength: 3 }).map((values) => `args.n in [${values.join(', ')}]`),
    fc.constantFrom('args.flag', 'args.color == "red"', 'args.color != "red"', 'true', 'false'),
    fc.constantFrom('args.color == "blue"', 'args.s.size() > 2', '"a" in [args.s]'),
  )
  const { condition } = fc.letrec<{ condition: string }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      atom,
      fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `(${a}) && (${b})`),
      fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `(${a}) || (${b})`),
      tie('condition').map((a) => `!(${a})`),
      fc
        .tuple(tie('condition'), tie('condition'), tie('condition'))
        .map(([a, b, c]) => `(${a}) ? (${b}) : (${c})`),
    ),
  }))
  const inputs = [1, 2, 3, 4, 5].flatMap((n) =>
    [true, false].flatMap((flag) =>
      ['red', 'green'].flatMap((color) =>
        [0.5, 3.5, 9].map((x) => ({ n, flag, color, x, s: color === 'red' ? 'a' : 'abc' })),
      ),
    ),
  )

  test('a condition that is true for some arguments is never called impossible', () => {
    fc.assert(
      fc.property(condition, (when) => {
        const outcome = compileCondition(when, { environment, tools: [] })
        if (outcome.kind === 'invalid' || outcome.canBeTrue) return
        for (const input of inputs) {
          const args = environment.readArgs(input, ['n', 'flag', 'color', 'x', 's'])
          assert.notEqual(outcome.program({ args }), true, `${when} ${JSON.stringify(input)}`)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
