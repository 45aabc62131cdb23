// The load on the people who decide: what they approve unread, what they are asked again and again,
// and requests that were planted to be refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '@airworthy/sdk'
import { parse } from 'yaml'
import { enrol, standGround, type TestAgent, type TestSession } from './harness/ground.ts'
import { asRecord, at, type Json } from './harness/json.ts'
import { readEntries } from './harness/record.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { server, tools, database } = ground
const { client } = server

const holdRefunds: Json = {
  id: 'big',
  effect: 'hold',
  tools: ['desk/refund'],
  when: 'call.amount > 100',
  reason: 'refunds above 1 USD need a person',
}

async function approver(name: string) {
  const { key } = await client.addOperator({ name, role: 'approver' })
  return createClient({ baseUrl: server.url, key })
}

async function holdRefund(session: TestSession, orderId: string, amount = 5): Promise<string> {
  const { value } = await session.call('refund', { order_id: orderId, amount })
  assert.equal(at(value, 'held'), true, JSON.stringify(value))
  return String(at(value, 'id'))
}

function plant(agent: TestAgent, orderId: string): Promise<{ readonly hold: string }> {
  return client.plantCanary({
    agent: agent.name,
    action: 'desk/refund',
    arguments: { order_id: orderId, amount: '900.00' },
  })
}

function refunded(orderId: string): number {
  return tools.journal.filter((call) => at(call, 'args.order_id') === orderId).length
}

async function entryTypes(holdId: string): Promise<unknown[]> {
  const entries = await readEntries(database)
  return entries
    .filter(({ entry }) => at(entry, 'body.hold') === holdId)
    .map(({ entry }) => entry['type'])
}

test('a canary looks like any other hold; who approves it is told, and nothing is executed', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const real = await holdRefund(session, 'real-1')
  const { hold } = await plant(agent, 'canary-1')
  const ada = await approver('ada')
  const [shownReal, shown] = await Promise.all([ada.getHold(real), ada.getHold(hold)])
  assert.deepEqual(Object.keys(shown), Object.keys(shownReal))
  assert.deepEqual(
    [shown.agent, shown.action, shown.state, shown.effectClass, shown.amount, shown.reasons],
    [
      shownReal.agent,
      shownReal.action,
      'pending',
      shownReal.effectClass,
      { minorUnits: '90000', currency: 'USD' },
      shownReal.reasons.filter((reason) => reason.verdict === 'hold'),
    ],
  )
  assert.deepEqual(shown.arguments, { order_id: 'canary-1', amount: '900.00' })
  const { holds } = await ada.listHolds({ state: 'pending' })
  const listed = new Set(holds.map((each) => each.id))
  assert(listed.has(hold) && listed.has(real))
  const decided = await ada.approveHold(hold, { reason: 'fine' })
  assert.deepEqual(
    [decided.hold.state, decided.call.state, decided.call.code],
    ['rejected', 'denied', 'hold.canary'],
  )
  assert.equal(refunded('canary-1'), 0)
  const types = await entryTypes(hold)
  assert.deepEqual(types, ['hold.canary_planted', 'hold.voted', 'hold.canary_approved'])
  const told = await database.query(
    "SELECT FROM airworthy.outbox WHERE kind = 'hold.canary_approved'",
  )
  assert.equal(told.rowCount, 1)
  const load = await client.getHoldLoad()
  const person = load.people.find((each) => each.operator === 'ada')
  assert.deepEqual([person?.canaries, person?.warnings], [{ approved: 1, rejected: 0 }, ['canary']])
  assert.deepEqual([person?.approved, load.canaries.approved], [0, 1])
  await client.rejectHold(real)
})

test('a canary names its counterparty as a real call would', async () => {
  const agent = await enrol(ground, {
    rules: [{ ...holdRefunds, when: 'call.amount > 0' }],
    tools: {
      'desk/refund': {
        effect: 'compensable',
        undo: { tool: 'undo_effect', arguments: { key: '{{effect.key}}' } },
        amount: { argument: 'amount', currency: 'USD' },
        counterparty: 'note',
      },
    },
  })
  await using session = await agent.open()
  const args = { order_id: 'paid-1', amount: '900.00', note: 'ACME GmbH' }
  const { value } = await session.call('refund', args)
  const { hold } = await client.plantCanary({
    agent: agent.name,
    action: 'desk/refund',
    arguments: args,
  })
  const facts = await database.query<{ facts: unknown }>(
    'SELECT facts FROM airworthy.holds WHERE hold_id = ANY($1)',
    [[at(value, 'id'), hold]],
  )
  const [one, other] = facts.rows.map((row) => at(row.facts, 'counterparty'))
  assert.match(String(one), /^~[0-9a-zA-Z_-]{16}$/)
  assert.equal(other, one)
})

test('a canary that is rejected, or whose time is over, is counted as such and nowhere else', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  const before = await client.getHoldLoad()
  const [one, other] = [await plant(agent, 'canary-2'), await plant(agent, 'canary-3')]
  const eve = await approver('eve')
  assert.equal((await eve.rejectHold(one.hold)).call.code, 'hold.rejected')
  await database.query(
    `UPDATE airworthy.holds SET expires_at = now() - interval '1 second', level_until = NULL
     WHERE hold_id = $1`,
    [other.hold],
  )
  await until(
    'the time to be over',
    async () => (await client.getHold(other.hold)).state === 'expired',
  )
  const { canaries, approved, rejected, expired, waiting } = await client.getHoldLoad()
  assert.deepEqual(
    { ...canaries, planted: canaries.planted - before.canaries.planted },
    { ...before.canaries, planted: 2, rejected: 1, expired: 1 },
  )
  assert.deepEqual(
    [approved, rejected, expired, waiting],
    [before.approved, before.rejected, before.expired, before.waiting],
  )
})

test('behind a canary there is nothing to execute, even where its row says that it was approved', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const { hold } = await plant(agent, 'canary-4')
  const forge = (holdId: string) =>
    database.query(
      `UPDATE airworthy.holds SET state = 'approving', approved_round = round,
         decided_at = now() - interval '1 minute' WHERE hold_id = $1`,
      [holdId],
    )
  // Other arguments are a call of their own, and there is nobody who could have made this one.
  const args = { order_id: 'canary-4', amount: '1.00' }
  await assert.rejects(client.editHold(hold, { arguments: args }), { code: 'hold.unknown' })
  await forge(hold)
  // Each is executed by a later turn of the job, and the first of these turns had the canary too.
  for (const orderId of ['forged-1', 'forged-2']) {
    await forge(await holdRefund(session, orderId))
    await until(`${orderId} to be refunded`, () => refunded(orderId) === 1)
  }
  assert.equal(refunded('canary-4'), 0)
  await database.query("UPDATE airworthy.holds SET state = 'rejected' WHERE hold_id = $1", [hold])
})

test('only an admin plants, and only what a rule of the pact could hold', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  const finn = await approver('finn')
  const good = { agent: agent.name, action: 'desk/refund', arguments: { order_id: 'x', amount: 5 } }
  await assert.rejects(finn.plantCanary(good), { code: 'auth.forbidden' })
  await assert.rejects(finn.getHoldLoad(), { code: 'auth.forbidden' })
  const wrong = [
    [{ ...good, agent: 'nobody' }, 'agent.unknown'],
    [{ ...good, action: 'desk/nothing' }, 'tool.unknown'],
    [{ ...good, action: 'desk/write_order' }, 'request.invalid'],
    [{ ...good, rule: 'tools' }, 'request.invalid'],
    [{ ...good, arguments: { order_id: 'x', amount: 'much' } }, 'request.invalid'],
    [{ ...good, arguments: { order_id: 7 } }, 'request.invalid'],
  ] as const
  for (const [body, code] of wrong) {
    await assert.rejects(client.plantCanary(body), { code }, JSON.stringify(body))
  }
})

test('approvals are told apart by whether anybody looked; what repeats becomes a rule that works', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const gil = await approver('gil')
  for (let index = 0; index < 12; index += 1) {
    const id = await holdRefund(session, `often-${index}`, 5 + index)
    // Only the first five are looked at.
    if (index < 5) await gil.getHold(id)
    await gil.approveHold(id)
  }
  // However slow this machine was: four seconds after the look.
  await database.query(
    `UPDATE airworthy.votes v SET cast_at = w.first_at + interval '4 seconds'
     FROM airworthy.hold_views w WHERE w.hold_id = v.hold_id AND w.operator_id = v.operator_id
       AND v.operator_id = (SELECT operator_id FROM airworthy.operators WHERE name = 'gil')`,
  )
  const load = await client.getHoldLoad({ days: 1 })
  const person = load.people.find((each) => each.operator === 'gil')
  assert.deepEqual(
    [person?.approved, person?.fast, person?.unseen, person?.warnings, person?.approvedPercent],
    [12, 5, 7, ['fast'], 100],
  )
  assert((person?.answer?.p50Seconds ?? -1) >= 0)
  const found = load.repeated.find((each) => each.agent === agent.name)
  assert.deepEqual(
    [found?.action, found?.rules, found?.approved, found?.amountMax],
    ['desk/refund', ['big'], 12, { minorUnits: '1600', currency: 'USD' }],
  )
  const suggested: unknown = parse(found?.suggestion ?? '')
  assert(Array.isArray(suggested))
  await enrol(ground, { name: agent.name, rules: suggested.map(asRecord) })
  await using next = await agent.open()
  const small = await next.call('refund', { order_id: 'small', amount: 16 })
  assert.equal(small.isError, false)
  await holdRefund(next, 'large', 16.01)
})
