import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { compiled, exampleManifest } from '../pact/example.test-data.ts'
import { parseAmount } from './amount.ts'
import {
  amountOf,
  effectKeyOf,
  probeArguments,
  probeOutcome,
  quoteArguments,
  subjectOf,
  undoArguments,
} from './effect-key.ts'
import { parseTemplate, renderKey } from './template.ts'

const pact = compiled(exampleManifest())

function tool(name: string) {
  const found = pact.tools.get(`retail/${name}`)
  assert.ok(found)
  return found
}

const cancel = tool('cancel_pending_order')
const pay = tool('pay')
const scopes = { sessionId: 'session-1', agentId: 'agent-1' }

suite('effectKeyOf', () => {
  test('is the scope, the tool and the rendered template', () => {
    const outcome = effectKeyOf(cancel, { order_id: '#W1', reason: 'x' }, scopes)
    assert.equal(outcome.kind, 'ok')
    assert.equal(outcome.key, 'session-1:retail/cancel_pending_order:"#W1"')
  })

  test('is the hash of all arguments without a template, whatever the order of keys', () => {
    const one = effectKeyOf(pay, { amount: 1, note: 'a' }, scopes)
    const other = effectKeyOf(pay, { note: 'a', amount: 1 }, scopes)
    assert.deepEqual(one, other)
    assert.equal(one.kind, 'ok')
    assert.equal(one.key, `session-1:retail/pay:args:${one.argsHash}`)
  })

  test('lives in the agent when the contract says so', () => {
    const contract = { ...cancel.contract, scope: 'agent' as const }
    const outcome = effectKeyOf({ ...cancel, contract }, { order_id: '#W1' }, scopes)
    assert.equal(outcome.kind, 'ok')
    assert.match(outcome.key, /^agent-1:/)
  })

  test('keeps "1" and 1 apart', () => {
    const text = effectKeyOf(cancel, { order_id: '1' }, scopes)
    const number = effectKeyOf(cancel, { order_id: 1 }, scopes)
    assert.notDeepEqual(text, number)
  })

  test('is an error when an argument of the template is missing', () => {
    const outcome = effectKeyOf(cancel, { reason: 'x' }, scopes)
    assert.deepEqual(outcome, {
      kind: 'invalid',
      message: 'the effect key needs args.order_id, which is missing',
    })
  })

  test('is at most 200 printable characters, and different for different values', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 500 }), fc.string(), (a, b) => {
        const one = effectKeyOf(cancel, { order_id: a }, scopes)
        const other = effectKeyOf(cancel, { order_id: b }, scopes)
        assert.ok(one.kind === 'ok' && other.kind === 'ok')
        assert.match(one.key, /^[\x20-\x7e]{1,200}$/)
        assert.equal(one.key === other.key, a === b)
      }),
    )
  })

  test('never gives one key to two lists of values', () => {
    const template = parseTemplate('{{args.a}}1{{args.b}}{{args.c}}')
    assert.ok(template)
    const value = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null), fc.double())
    const args = fc.record({ a: value, b: value, c: value })
    fc.assert(
      fc.property(args, args, (one, other) => {
        const finite = [one, other].every(({ a, b, c }) =>
          [a, b, c].every((each) => typeof each !== 'number' || Number.isFinite(each)),
        )
        fc.pre(finite)
        const isSame = JSON.stringify(one) === JSON.stringify(other)
        const keys = [one, other].map((each) => JSON.stringify(renderKey(template, { args: each })))
        assert.equal(keys[0] === keys[1], isSame)
      }),
    )
  })
})

suite('follow-up calls', () => {
  test('an undo takes the effect key', () => {
    const made = { args: {}, result: {}, effectKey: 'key-1' }
    assert.deepEqual(undoArguments(cancel, made), {
      kind: 'ok',
      tool: 'retail/undo_effect',
      args: { effect_key: 'key-1' },
    })
    assert.equal(undoArguments(pay, made).kind, 'invalid')
  })

  test('a probe is read by its condition, and an unreadable result is an error', () => {
    assert.equal(probeArguments(cancel, { args: {}, effectKey: 'key-1' }).kind, 'ok')
    assert.deepEqual(probeOutcome(cancel, { found: true }), { kind: 'ok', done: true })
    assert.deepEqual(probeOutcome(cancel, { found: false }), { kind: 'ok', done: false })
    for (const result of [{}, 'found', null])
      assert.equal(probeOutcome(cancel, result).kind, 'invalid')
  })

  test('a quote takes the arguments of the call', () => {
    const outcome = quoteArguments(cancel, { order_id: '#W1' })
    assert.deepEqual(outcome, {
      kind: 'ok',
      tool: 'retail/quote_refund',
      args: { order_id: '#W1' },
    })
    assert.equal(quoteArguments(pay, {}), undefined)
    assert.equal(quoteArguments(cancel, {})?.kind, 'invalid')
  })

  test('the subject is the argument that the contract names', () => {
    assert.equal(subjectOf(cancel, { user_id: 'u-1' }), 'u-1')
    assert.equal(subjectOf(cancel, {}), undefined)
    assert.equal(subjectOf(pay, { user_id: 'u-1' }), undefined)
  })
})

suite('amounts', () => {
  const good: [unknown, string, bigint][] = [
    [12.34, 'USD', 1234n],
    ['12.34', 'USD', 1234n],
    [54.04, 'USD', 5404n],
    [200, 'USD', 20_000n],
    ['0.10', 'USD', 10n],
    ['12.3400', 'USD', 1234n],
    [0, 'USD', 0n],
    [500, 'JPY', 500n],
    ['1.234', 'KWD', 1234n],
    [9_007_199_254_740.99, 'USD', 900_719_925_474_099n],
  ]
  for (const [value, currency, minorUnits] of good) {
    test(`${JSON.stringify(value)} ${currency} is ${minorUnits}`, () => {
      assert.deepEqual(parseAmount(value, currency), {
        kind: 'ok',
        amount: { minorUnits, currency },
      })
    })
  }

  const bad: [unknown, string][] = [
    ['5,000', 'USD'],
    [-1, 'USD'],
    ['-1', 'USD'],
    [12.345, 'USD'],
    [0.1 + 0.2, 'USD'],
    ['0x10', 'USD'],
    ['1e3', 'USD'],
    [1e21, 'USD'],
    ['', 'USD'],
    [' 1', 'USD'],
    ['١', 'USD'],
    [1.5, 'JPY'],
    [null, 'USD'],
    [undefined, 'USD'],
    [[1], 'USD'],
    [1, 'XXX'],
    ['92233720368547758.08', 'USD'],
    ['9'.repeat(10_000), 'USD'],
  ]
  for (const [value, currency] of bad) {
    test(`${JSON.stringify(value)?.slice(0, 30)} ${currency} is refused`, () => {
      assert.equal(parseAmount(value, currency).kind, 'invalid')
    })
  }

  test('are read where the contract says', () => {
    const quoted = amountOf(cancel, { refund: { total: 12.5 } })
    assert.deepEqual(quoted, { kind: 'ok', amount: { minorUnits: 1250n, currency: 'USD' } })
    assert.equal(amountOf(cancel, { refund: {} })?.kind, 'invalid')
    assert.equal(amountOf(pay, { amount: 1 }), undefined)
  })

  test('survive the way through cents exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), (cents) => {
        const outcome = parseAmount(cents / 100, 'USD')
        assert.ok(outcome.kind === 'ok')
        assert.equal(outcome.amount.minorUnits, BigInt(cents))
      }),
    )
  })
})
