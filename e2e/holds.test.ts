// Calls that wait for a person: as a row, not as a connection.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { behave } from './harness/fake-tools.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { readEntries } from './harness/record.ts'
import { createGate, until } from './harness/until.ts'

const ground = await standGround()
const { tools, server, upstream } = ground
const { client } = server

const holdRefunds: Json = { id: 'big', effect: 'hold', tools: ['desk/refund'], reason: 'ask' }

function executed(session: string): number {
  return tools.journal.filter((call) => call.session === session).length
}

async function holdRefund(session: TestSession, orderId: string): Promise<string> {
  const held = await session.call('refund', { order_id: orderId, amount: 5 })
  assert.equal(at(held.value, 'held'), true, JSON.stringify(held.value))
  return String(at(held.value, 'id'))
}

test('a held call answers at once, is approved, executes, and its repeat hears the result', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const held = await session.call('refund', { order_id: 'a', amount: 5 })
  const id = String(at(held.value, 'id'))
  const waits = Date.parse(String(at(held.value, 'until'))) - Date.now()
  assert(waits > 0 && waits < 3_700_000)
  const again = await session.call('refund', { order_id: 'a', amount: 5 })
  assert.equal(at(again.value, 'id'), id, 'the same call waits in the same hold')
  assert.equal(executed(session.id), 0)
  const hold = await client.getHold(id)
  assert.deepEqual(hold.arguments, { order_id: 'a', amount: 5 })
  assert.deepEqual(hold.amount, { minorUnits: '500', currency: 'USD' })
  const decided = await client.approveHold(id, { reason: 'fine' })
  assert.deepEqual([decided.hold.state, decided.call.state], ['approved', 'done'])
  assert.equal(executed(session.id), 1)
  const repeat = await session.call('refund', { order_id: 'a', amount: 5 })
  assert.equal(repeat.isError, false)
  assert.equal(repeat.meta['airworthy/repeat-of'], held.meta['airworthy/call'])
  assert.equal(executed(session.id), 1)
})

test('an approval executes although the client is gone', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  const session = await agent.open()
  const id = await holdRefund(session, 'a')
  await session[Symbol.asyncDispose]()
  assert.equal((await client.approveHold(id)).call.state, 'done')
  assert.equal(executed(session.id), 1)
})

test('an approved call whose arguments were forgotten ends, and is not tried for ever', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const id = await holdRefund(session, 'a')
  const { callId } = await client.getHold(id)
  await ground.database.query('DELETE FROM airworthy.payloads WHERE call_id = $1', [callId])
  await assert.rejects(client.approveHold(id), { code: 'call.unknown' })
  const [hold, call] = await Promise.all([client.getHold(id), client.getCall(callId)])
  assert.deepEqual([hold.state, call.state, call.code], ['expired', 'denied', 'hold.expired'])
  assert.equal(executed(session.id), 0)
})

test('two approvals at once execute once, and the later one is told', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const id = await holdRefund(session, 'a')
  const gate = createGate()
  tools.direct(session.id, 'refund', async (call) => {
    await gate.passed
    return behave(tools.journal, call)
  })
  const votes = [client.approveHold(id), client.approveHold(id)]
  const asked = () => tools.calls.some((call) => call.session === session.id)
  const late = until('the tool to be asked', asked).then(() => client.rejectHold(id))
  const settling = Promise.allSettled([...votes, late])
  await late.catch(() => undefined)
  gate.open()
  const settled = await settling
  const good = settled.filter((one) => one.status === 'fulfilled')
  const bad = settled.filter((one) => one.status === 'rejected')
  assert.equal(good.length, 1)
  assert.deepEqual(
    bad.map((one) => at(one.reason, 'code')),
    ['hold.settled', 'hold.settled'],
  )
  assert.equal(executed(session.id), 1)
})

test('a rejected call is denied, now and when it is repeated', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const id = await holdRefund(session, 'a')
  const { hold, call } = await client.rejectHold(id, { reason: 'too much' })
  assert.deepEqual([hold.state, call.state, call.code], ['rejected', 'denied', 'hold.rejected'])
  const repeat = await session.call('refund', { order_id: 'a', amount: 5 })
  assert.deepEqual([repeat.isError, at(repeat.value, 'code')], [true, 'hold.rejected'])
  await assert.rejects(client.approveHold(id), { code: 'hold.settled' })
  assert.equal(executed(session.id), 0)
})

test('the words of a vote are committed to under a salt: the log alone tells nobody', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const id = await holdRefund(session, 'voted')
  const words = 'Ms Lee asked for it'
  await client.rejectHold(id, { reason: words })
  const { database } = ground
  const votes = await database.query<{ reason_salt: Buffer }>(
    'SELECT reason_salt FROM airworthy.votes WHERE hold_id = $1',
    [id],
  )
  const entry = (await readEntries(database))
    .map((row) => row.entry)
    .find((each) => each['type'] === 'hold.rejected' && at(each, 'body.hold') === id)
  const salt = votes.rows[0]?.reason_salt ?? Buffer.of()
  assert.equal(salt.length, 32)
  const committed = createHmac('sha256', salt).update(words).digest('base64url')
  assert.equal(at(entry, 'body.reason'), committed)
})

test('a hold that expires denies', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds], holdExpiresAfterSeconds: 1 })
  await using session = await agent.open()
  const id = await holdRefund(session, 'a')
  await until('the hold to expire', async () => (await client.getHold(id)).state === 'expired')
  const { calls } = await session.detail()
  assert.deepEqual([calls[0]?.state, calls[0]?.code], ['denied', 'hold.expired'])
  await assert.rejects(client.approveHold(id), { code: 'hold.settled' })
  const repeat = await session.call('refund', { order_id: 'a', amount: 5 })
  assert.equal(at(repeat.value, 'denied'), true)
  assert.equal(executed(session.id), 0)
})

test('an approval decides again: what would be denied now is denied', async () => {
  const agent = await enrol(ground, {
    rules: [
      holdRefunds,
      { id: 'one-write', effect: 'deny', tools: ['*'], when: 'call.write && session.writes >= 1' },
    ],
  })
  await using session = await agent.open()
  const id = await holdRefund(session, 'a')
  await session.call('write_order', { order_id: 'b' })
  const { hold, call } = await client.approveHold(id)
  assert.deepEqual([hold.state, call.state, call.code], ['refused', 'denied', 'policy.denied'])
  assert.equal(executed(session.id), 1)
})

test('an approval of a call whose pact changed opens the question again, under the new pact', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const id = await holdRefund(session, 'a')
  const more = { id: 'other', effect: 'deny', tools: ['desk/notify'], reason: 'new' }
  await enrol(ground, { name: agent.name, rules: [holdRefunds, more] })
  const { hold, call } = await client.approveHold(id)
  assert.deepEqual([hold.state, call.state], ['pending', 'held'])
  assert.equal(executed(session.id), 0)
  const again = await client.getBallot(id)
  assert.equal(again.ballot.round, 2)
  assert.equal((await client.approveHold(id, { round: 2 })).call.state, 'done')
  assert.equal(executed(session.id), 1)
})

test('an approval in a closed session, or of a revoked key, executes nothing', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using one = await agent.open()
  await using other = await agent.open()
  const closed = await holdRefund(one, 'a')
  const revoked = await holdRefund(other, 'a')
  await client.closeSession(one.id)
  assert.equal((await client.approveHold(closed)).call.code, 'session.closed')
  const { keys } = await client.getAgent(agent.name)
  await client.revokeKey(agent.name, keys[0]?.id ?? '')
  assert.equal((await client.approveHold(revoked)).call.code, 'auth.revoked_key')
  assert.equal(executed(one.id) + executed(other.id), 0)
})

test('a held model call is refused finally with the hold’s id, and executes on approval', async () => {
  const agent = await enrol(ground, {
    rules: [{ id: 'ask', effect: 'hold', models: ['fake'], when: 'call.stream' }],
  })
  await using session = await agent.open()
  const held = await session.post(chat({ stream: true }))
  assert.deepEqual([held.status, held.code], [409, 'call.held'])
  assert.equal(held.headers.get('x-should-retry'), 'false')
  assert.equal(held.headers.get('airworthy-decision'), 'hold')
  const id = String(at(JSON.parse(held.text), 'error.detail.id'))
  const { call } = await client.approveHold(id)
  assert.equal(call.state, 'done')
  const repeat = await session.post(chat({ stream: true }))
  assert.equal(repeat.status, 200)
  assert.equal(repeat.headers.get('airworthy-repeat-of'), call.id)
  assert(repeat.text.endsWith('data: [DONE]\n\n'))
  assert.equal(upstream.asked(agent.name).length, 1)
})

test('a held call whose tool is away fails, and says so', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds], toolTimeoutMs: 300 })
  await using session = await agent.open()
  const id = await holdRefund(session, 'a')
  tools.direct(session.id, 'refund', (call) => {
    call.cut()
    return { content: [] }
  })
  const { call } = await client.approveHold(id)
  assert.equal(call.state, 'unknown')
  await until('the probe', async () => (await client.getCall(call.id)).state === 'failed')
})
