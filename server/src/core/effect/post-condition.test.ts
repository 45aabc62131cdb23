import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { checkPostConditions, compilePostConditions } from './post-condition.ts'

const inputSchema = {
  type: 'object',
  properties: { amount: { type: 'number' }, count: { type: 'integer' }, id: { type: 'string' } },
}

function compile(that: string, hasAmount = true) {
  const sources = [{ id: 'it', that, reason: 'because' }]
  return compilePostConditions(sources, { tool: 'shop/pay', inputSchema, hasAmount })
}

function holds(that: string, result: unknown, cents = 5404n): boolean | undefined {
  const { compiled, problems } = compile(that)
  assert.deepEqual(problems, [])
  const args = { amount: Number(cents) / 100, count: 3, id: 'a' }
  const amount = { minorUnits: cents, currency: 'USD' }
  return checkPostConditions(compiled, { args, result, amount })[0]?.holds
}

suite('post-conditions', () => {
  const table: [string, unknown, boolean][] = [
    ['result.total == args.amount', { total: 54.04 }, true],
    ['result.n == args.count', { n: 3 }, true],
    ['result.n == args.count', { n: 4 }, false],
    ["result.status == 'ok'", { status: 'ok' }, true],
    ["result.status == 'ok'", {}, false],
    ["result.status == 'ok'", 'a text', false],
    ["result.status == 'ok'", undefined, false],
    ["minorUnits(result.total, 'USD') == call.amount", { total: '54.04' }, true],
    ["minorUnits(result.total, 'USD') == call.amount", { total: '5,404' }, false],
    ["minorUnits(result.total, 'USD') == call.amount", { total: 54.041 }, false],
    ['result', { any: 'thing' }, false],
    ['result.ok', { ok: true }, true],
    ['result.ok', { ok: 'true' }, false],
  ]
  for (const [that, result, expected] of table) {
    test(`${that} of ${JSON.stringify(result)} ${expected ? 'holds' : 'does not hold'}`, () => {
      assert.equal(holds(that, result), expected)
    })
  }

  test('an amount holds for itself and for no other', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10_000_000 }), fc.nat({ max: 10_000_000 }), (paid, asked) => {
        const that = 'minorUnits(result.total, call.currency) == call.amount'
        assert.equal(holds(that, { total: paid / 100 }, BigInt(asked)), paid === asked)
      }),
    )
  })

  const wrong = [
    'session.writes == 1',
    'now == now',
    'args.zip == 1',
    'result.total ==',
    'size(args.id)',
    'args.id == 5',
    "matches(result.id, '(a+)+$')",
  ]
  for (const that of wrong) {
    test(`${that} is refused at enrolment`, () => {
      assert.equal(compile(that).problems.length, 1)
    })
  }

  test('an amount that the contract does not declare is refused', () => {
    assert.equal(compile('call.amount == 5', false).problems.length, 1)
  })
})
