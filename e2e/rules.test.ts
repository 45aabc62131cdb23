// The pact's rules, enforced at the gateway: what a session did counts, and a rule that cannot be
// evaluated denies.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enrol, standGround } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'

const ground = await standGround()
const { tools } = ground

const customerFirst: Json = {
  id: 'customer-first',
  effect: 'deny',
  tools: ['desk/write_order', 'desk/refund'],
  when: "session.done['desk/find_customer'] == 0",
  reason: 'a write needs a customer who was found in this session',
}
const threeWrites: Json = {
  id: 'three-writes',
  effect: 'deny',
  tools: ['*'],
  when: 'call.write && session.writes >= 3',
}
const bigRefund: Json = {
  id: 'big-refund',
  effect: 'hold',
  tools: ['desk/refund'],
  when: 'call.amount > 20000',
  reason: 'a refund above 200 USD needs a person',
}

function executed(session: string): number {
  return tools.journal.filter((call) => call.session === session).length
}

test('a write is denied until a customer was found in the same session', async () => {
  const agent = await enrol(ground, { rules: [customerFirst] })
  await using session = await agent.open()
  const early = await session.call('write_order', { order_id: 'a' })
  assert.equal(early.isError, true)
  assert.deepEqual(early.value, {
    denied: true,
    code: 'policy.denied',
    message: 'customer-first: a write needs a customer who was found in this session',
    rules: [
      {
        rule: 'customer-first',
        reason: 'a write needs a customer who was found in this session',
      },
    ],
  })
  assert.equal(early.meta['airworthy/decision'], 'deny')
  tools.direct(session.id, 'find_customer', () => ({
    isError: true,
    content: [{ type: 'text', text: 'not found' }],
  }))
  await session.call('find_customer', { email: 'x' })
  assert.equal((await session.call('write_order', { order_id: 'a' })).isError, true)
  tools.direct(session.id, 'find_customer', undefined)
  assert.equal((await session.call('find_customer', { email: 'a@b' })).isError, false)
  assert.equal((await session.call('write_order', { order_id: 'a' })).isError, false)
  await using other = await agent.open()
  assert.equal((await other.call('write_order', { order_id: 'a' })).isError, true)
  assert.deepEqual([executed(session.id), executed(other.id)], [1, 0])
})

test('of 11 parallel writes 3 pass: calls in flight count as made', async () => {
  const agent = await enrol(ground, { rules: [threeWrites] })
  await using session = await agent.open()
  const replies = await Promise.all(
    Array.from({ length: 11 }, (_, index) =>
      session.call('write_order', { order_id: `order-${index}` }),
    ),
  )
  assert.equal(replies.filter((reply) => !reply.isError).length, 3)
  assert.equal(executed(session.id), 3)
  const { session: row } = await session.detail()
  assert.deepEqual([row.facts.writes, row.facts.denied], [3, 8])
})

test('a refund above 200 is held, one of 200 is not', async () => {
  const agent = await enrol(ground, { rules: [bigRefund] })
  await using session = await agent.open()
  assert.equal((await session.call('refund', { order_id: 'a', amount: 200 })).isError, false)
  assert.equal((await session.call('refund', { order_id: 'b', amount: '199.99' })).isError, false)
  for (const amount of [200.01, '200.01', 201, '9999999999.99']) {
    const held = await session.call('refund', { order_id: `c${amount}`, amount })
    assert.deepEqual([at(held.value, 'held'), at(held.value, 'code')], [true, 'call.held'])
    assert.equal(held.meta['airworthy/decision'], 'hold')
  }
  assert.equal(executed(session.id), 2)
})

test('an amount that is no plain decimal denies: missing, "5,000", negative, in parentheses', async () => {
  const agent = await enrol(ground, { rules: [bigRefund] })
  await using session = await agent.open()
  const odd = ['5,000', '-5', '(5)', '$5', '', ' 5', '1e2', 'NaN', '5.001', '0x10', -5, 5.001]
  for (const [index, amount] of [undefined, ...odd].entries()) {
    const args = amount === undefined ? {} : { amount }
    const denied = await session.call('refund', { order_id: `o${index}`, ...args })
    assert.equal(at(denied.value, 'denied'), true, `${amount}: ${JSON.stringify(denied.value)}`)
    assert.equal(at(denied.value, 'code'), 'policy.rule_error')
  }
  assert.equal(executed(session.id), 0)
})

test('a rule that stumbles over a missing key or a wrong type denies', async () => {
  const rule = { effect: 'deny', tools: ['desk/write_order'] }
  const agent = await enrol(ground, {
    rules: [
      { ...rule, id: 'needs-note', when: "args.note == 'never'" },
      { ...rule, id: 'needs-number', when: 'args.amount > 100' },
    ],
  })
  await using session = await agent.open()
  const cases: readonly [Json, boolean][] = [
    [{ order_id: 'a', note: 'n', amount: 5 }, true],
    [{ order_id: 'a', amount: 5 }, false],
    [{ order_id: 'a', note: 'n' }, false],
    [{ order_id: 'a', note: 'n', amount: '5,000' }, false],
    [{ order_id: 'a', note: 'n', amount: '5' }, false],
  ]
  for (const [args, passes] of cases) {
    const reply = await session.call('write_order', args)
    assert.equal(reply.isError, !passes, JSON.stringify([args, reply.value]))
    if (!passes) assert.equal(at(reply.value, 'code'), 'policy.rule_error')
  }
  assert.equal(executed(session.id), 1)
})

test('arguments against the schema are refused before any rule, and never reach the tool', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  for (const args of [{}, { order_id: 5 }, { order_id: 'a', more: true }]) {
    const reply = await session.call('write_order', args)
    assert.equal(at(reply.value, 'code'), 'tool.arguments_invalid', JSON.stringify(reply.value))
  }
  assert.equal(executed(session.id), 0)
})

test('no rule that allows denies; every decision is stored with the rules that spoke', async () => {
  const agent = await enrol(ground, {
    permissions: [
      { id: 'models', effect: 'allow', models: ['*'] },
      { id: 'reads', effect: 'allow', tools: ['desk/get_order'] },
      { id: 'odd', effect: 'deny', tools: ['desk/get_order'], when: "args.order_id == 'odd'" },
    ],
  })
  await using session = await agent.open()
  await session.call('get_order', { order_id: 'even' })
  await session.call('get_order', { order_id: 'odd' })
  await session.call('write_order', { order_id: 'a' })
  const { calls } = await session.detail()
  assert.deepEqual(
    calls.map(({ state, verdict, reasons }) => [state, verdict, reasons.map((one) => one.rule)]),
    [
      ['done', 'allow', ['reads']],
      ['denied', 'deny', ['reads', 'odd']],
      ['denied', 'deny', calls[2]?.reasons.map((one) => one.rule)],
    ],
  )
  assert.equal(executed(session.id), 0)
})

test('a session that observes decides and records, and goes on; it still deduplicates', async () => {
  const agent = await enrol(ground, {
    rules: [customerFirst, bigRefund],
    limits: { session: { calls: 3 } },
  })
  await using session = await agent.open({ mode: 'observe' })
  const written = await session.call('write_order', { order_id: 'a' })
  assert.deepEqual([written.isError, written.meta['airworthy/decision']], [false, 'would-deny'])
  await session.call('find_customer', { email: 'a@b' })
  const refunded = await session.call('refund', { order_id: 'a', amount: 300 })
  assert.deepEqual([refunded.isError, refunded.meta['airworthy/decision']], [false, 'would-hold'])
  const beyond = await session.call('get_order', { order_id: 'a' })
  assert.deepEqual([beyond.isError, beyond.meta['airworthy/decision']], [false, 'would-deny'])
  const repeat = await session.call('write_order', { order_id: 'a' })
  assert.equal(repeat.meta['airworthy/repeat-of'], written.meta['airworthy/call'])
  assert.equal(executed(session.id), 2)
  const { calls } = await session.detail()
  assert.deepEqual(
    calls.map((call) => [call.verdict, call.enforced, call.state, call.reasons.at(-1)?.rule]),
    [
      ['deny', false, 'done', 'customer-first'],
      ['allow', true, 'done', 'tools'],
      ['hold', false, 'done', 'big-refund'],
      ['deny', false, 'done', 'budget.calls'],
      ['allow', true, 'repeated', undefined],
    ],
  )
})
