import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { decide } from '../decision/decide.ts'
import { compiled, exampleFacts, type ExampleRule, withRules } from '../pact/example.test-data.ts'
import type { RepeatedApproval } from './load.ts'
import { suggestRules } from './suggest-rule.ts'

const cancel = 'retail/cancel_pending_order'

const open: readonly ExampleRule[] = [
  { id: 'models', effect: 'allow', models: ['*'] },
  { id: 'tools', effect: 'allow', tools: ['retail/*'] },
]
const bigRefund: ExampleRule = {
  id: 'big-refund',
  effect: 'hold',
  tools: [cancel],
  when: 'call.amount > 20000',
}

const repeated: RepeatedApproval = {
  agent: 'retail-desk',
  action: cancel,
  rules: ['big-refund'],
  approved: 12,
  expired: 0,
  amountMax: { minor: 30_000n, currency: 'USD' },
  pactId: 'pact-1',
}

/** The verdict on each tool under the rules, with those of the suggestion in place. */
function verdicts(rules: readonly ExampleRule[], suggestion: string | undefined) {
  const changed: ExampleRule[] = suggestion === undefined ? [] : parse(suggestion)
  const ids = new Set(changed.map((rule) => rule.id))
  const kept = rules.filter((rule) => !ids.has(rule.id))
  const pact = compiled(withRules([...open, ...kept, ...changed]))
  return (tool: string, minorUnits?: bigint): string => {
    const amount = minorUnits === undefined ? undefined : { minorUnits, currency: 'USD' }
    const call = {
      kind: 'tool',
      server: 'retail',
      tool,
      effectClass: 'irreversible',
      amount,
    } as const
    const args: Record<string, unknown> =
      tool === 'pay' ? { amount: 1 } : { order_id: '#W1', user_id: 'u' }
    return decide({ ...call, args }, pact, exampleFacts).verdict
  }
}

test('a suggested rule lets go what was approved, and holds what is larger', () => {
  const before = verdicts([bigRefund], undefined)
  const after = verdicts([bigRefund], suggestRules(repeated, [bigRefund], 30))
  const amounts = [20_000n, 20_001n, 30_000n, 30_001n]
  const of = (verdict: typeof before) =>
    amounts.map((each) => verdict('cancel_pending_order', each))
  assert.deepEqual(of(before), ['allow', 'hold', 'hold', 'hold'])
  assert.deepEqual(of(after), ['allow', 'allow', 'allow', 'hold'])
})

test('a rule about several tools still holds the others, whatever they move', () => {
  const all: ExampleRule = { id: 'all', effect: 'hold', tools: ['retail/*'] }
  const asked = { ...repeated, rules: ['all'] }
  const after = verdicts([all], suggestRules(asked, [all], 30))
  assert.equal(after('cancel_pending_order', 30_000n), 'allow')
  assert.equal(after('cancel_pending_order', 30_001n), 'hold')
  assert.equal(after('pay'), 'hold')
  const some = { ...asked, amountMax: 'none' } as const
  const free = verdicts([all], suggestRules(some, [all], 30))
  assert.deepEqual([free('cancel_pending_order', 1_000_000n), free('pay')], ['allow', 'hold'])
})

test('a rule about this tool alone, which moves no money, allows', () => {
  const pay: ExampleRule = { id: 'pay', effect: 'hold', tools: ['retail/pay'], when: 'call.write' }
  const asked = {
    ...repeated,
    action: 'retail/pay',
    rules: ['pay'],
    amountMax: 'none',
  } as const
  const suggestion = suggestRules(asked, [pay], 30)
  assert.deepEqual(parse(suggestion ?? ''), [{ ...pay, effect: 'allow' }])
  assert.equal(verdicts([pay], suggestion)('pay'), 'allow')
  assert.match(
    suggestion ?? '',
    /^# 12 holds of retail\/pay by retail-desk were approved in 30 days/,
  )
})

test('what no permission held, no permission can let go: nothing is suggested', () => {
  for (const rules of [['escalation.first'], ['big-refund', 'taint.trifecta'], ['models'], []]) {
    assert.equal(suggestRules({ ...repeated, rules }, [bigRefund, ...open], 30), undefined)
  }
  const mixed = { ...repeated, amountMax: 'mixed' } as const
  assert.equal(suggestRules(mixed, [bigRefund], 30), undefined)
})
