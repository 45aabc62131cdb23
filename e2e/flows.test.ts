// Read flow and write flow: a session only reads until a write flow is opened under a rule, and
// both are on record.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AirworthyApiError, createClient } from '@airworthy/sdk'
import { enrol, standGround } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { entriesOfCall, readEntries } from './harness/record.ts'

const ground = await standGround()
const { server, tools, database } = ground

const found = "session.done['desk/find_customer'] > 0"
const writeFlow: Json = { when: found, reason: 'find the customer before anything is changed' }

function executed(session: string): number {
  return tools.journal.filter((call) => call.session === session).length
}

test('a session reads until the condition lets a write open its write flow', async () => {
  const agent = await enrol(ground, { pact: { writeFlow } })
  await using session = await agent.open()
  await session.call('get_order', { order_id: 'a' })
  const early = await session.call('write_order', { order_id: 'a' })
  assert.deepEqual([early.isError, at(early.value, 'code')], [true, 'flow.closed'])
  assert.match(String(at(early.value, 'message')), /find the customer before/)
  await session.call('find_customer', { email: 'a@b' })
  const opened = await session.call('write_order', { order_id: 'a' })
  assert.equal(opened.isError, false)
  await session.call('get_order', { order_id: 'a' })
  const { calls, session: shown } = await session.detail()
  assert.deepEqual(
    calls.map((call) => [call.action, call.state, call.flow]),
    [
      ['desk/get_order', 'done', 'read'],
      ['desk/write_order', 'denied', 'read'],
      ['desk/find_customer', 'done', 'read'],
      ['desk/write_order', 'done', 'write'],
      ['desk/get_order', 'done', 'write'],
    ],
  )
  assert.deepEqual([shown.flow?.state, shown.flow?.writes], ['open', 1])
  assert.equal((await server.client.getCall(calls[3]?.id ?? '')).flow, 'write')
  assert.equal(executed(session.id), 1)
  const entries = await entriesOfCall(database, calls[3]?.id ?? '')
  assert.deepEqual(
    entries.map(({ entry }) => [entry['type'], at(entry, 'body.rule'), at(entry, 'body.flow')]),
    [
      ['call.intent', 'tools', 'write'],
      ['flow.opened', 'write-flow', undefined],
      ['call.outcome', undefined, undefined],
    ],
  )
})

test('a rule can read the flow, and an erring condition opens nothing', async () => {
  const agent = await enrol(ground, {
    rules: [
      {
        id: 'no-reads-after-writes',
        effect: 'deny',
        tools: ['desk/get_order'],
        when: "session.flow == 'write'",
      },
    ],
    pact: { writeFlow: { when: "session.scope['approved']" } },
    more: { scopes: { approved: 'boolean' } },
  })
  await using without = await agent.open()
  const erring = await without.call('write_order', { order_id: 'a' })
  assert.equal(at(erring.value, 'code'), 'policy.rule_error')
  await using session = await agent.open({ scope: { approved: true } })
  assert.equal((await session.call('get_order', { order_id: 'a' })).isError, false)
  assert.equal((await session.call('write_order', { order_id: 'a' })).isError, false)
  const late = await session.call('get_order', { order_id: 'a' })
  assert.equal(at(late.value, 'code'), 'policy.denied')
})

test('writes at once pass one flow exactly as often as it allows', async () => {
  const agent = await enrol(ground, { pact: { writeFlow: { when: 'true', writesMax: 3 } } })
  await using session = await agent.open()
  const replies = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      session.call('write_order', { order_id: `o${index}` }),
    ),
  )
  assert.equal(replies.filter((reply) => !reply.isError).length, 3)
  assert.equal(executed(session.id), 3)
  const codes = new Set(replies.filter((one) => one.isError).map((one) => at(one.value, 'code')))
  assert.deepEqual(codes, new Set(['flow.closed']))
  const opened = (await readEntries(database)).filter(
    ({ entry }) => entry['session'] === session.id && entry['type'] === 'flow.opened',
  )
  assert.equal(opened.length, 1, 'one flow was opened, once')
  await server.client.setFlow(session.id, { flow: 'write' })
  assert.equal((await session.call('write_order', { order_id: 'more' })).isError, false)
})

test('a held write opens the flow when it is approved and runs, not before', async () => {
  const agent = await enrol(ground, {
    rules: [{ id: 'ask', effect: 'hold', tools: ['desk/refund'] }],
    pact: { writeFlow },
  })
  await using session = await agent.open()
  await session.call('find_customer', { email: 'a@b' })
  const held = await session.call('refund', { order_id: 'a', amount: 5 })
  assert.equal(at(held.value, 'held'), true)
  assert.equal((await session.detail()).session.flow, null)
  await server.client.approveHold(String(at(held.value, 'id')))
  const { session: shown, calls } = await session.detail()
  assert.equal(shown.flow?.writes, 1)
  assert.deepEqual(
    calls.map((call) => [call.action, call.flow]),
    [
      ['desk/find_customer', 'read'],
      ['desk/refund', 'write'],
    ],
  )
})

test('an operator or launcher closes and opens it, in any session; no agent does', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  assert.equal((await session.call('write_order', { order_id: 'a' })).isError, false)
  const { key } = await server.client.addOperator({ name: 'flows', role: 'launcher' })
  const launcher = createClient({ baseUrl: server.url, key })
  const closed = await launcher.setFlow(session.id, { flow: 'read', reason: 'enough' })
  assert.equal(closed.flow?.state, 'barred')
  const refused = await session.call('write_order', { order_id: 'b' })
  assert.equal(at(refused.value, 'code'), 'flow.closed')
  assert.equal((await session.call('get_order', { order_id: 'b' })).isError, false)
  const opened = await server.client.setFlow(session.id, { flow: 'write' })
  assert.equal(opened.flow?.state, 'open')
  assert.equal((await session.call('write_order', { order_id: 'b' })).isError, false)
  const entries = (await readEntries(database)).filter(
    ({ entry }) => entry['session'] === session.id && String(entry['type']).startsWith('flow.'),
  )
  assert.deepEqual(
    entries.map(({ entry }) => [entry['type'], typeof at(entry, 'body.operator')]),
    [
      ['flow.closed', 'string'],
      ['flow.opened', 'string'],
    ],
  )
  const asAgent = createClient({ baseUrl: server.url, key: agent.apiKey })
  await assert.rejects(asAgent.setFlow(session.id, { flow: 'write' }), (thrown) => {
    return thrown instanceof AirworthyApiError && thrown.code === 'auth.agent_key_refused'
  })
  await server.client.closeSession(session.id)
  await assert.rejects(server.client.setFlow(session.id, { flow: 'write' }), (thrown) => {
    return thrown instanceof AirworthyApiError && thrown.code === 'session.closed'
  })
})

test('a pact without a write flow shows none', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  await session.call('write_order', { order_id: 'a' })
  const { calls, session: shown } = await session.detail()
  assert.deepEqual([calls[0]?.flow, shown.flow], [null, null])
})
