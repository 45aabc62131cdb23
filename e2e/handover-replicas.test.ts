// A session goes to a person by a trigger of its pact; on another gateway; and across a restart.
import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { test } from 'node:test'
import { createClient } from '@airworthy/sdk'
import { agentClients, chat } from './harness/clients.ts'
import {
  enrol,
  standGround,
  startGround,
  type TestAgent,
  type TestSession,
} from './harness/ground.ts'
import { at, asRecord, type Json } from './harness/json.ts'
import { connectNew, connectOld } from './harness/mcp-clients.ts'
import { readEntries } from './harness/record.ts'
import { startReplica } from './harness/replica.ts'
import { startServer, temporaryDirectory } from './harness/server.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { tools, server, upstream, database } = ground
const { client } = server

/** Refunds of 100 USD and more go to a person, with the session. */
const material: Json = asRecord(
  JSON.parse(`{ "escalation": { "materiality":
    { "amounts": { "USD": 10000 }, "tools": ["desk/refund"], "then": "handover" } } }`),
)

async function ask(
  url: string,
  who: { agent: TestAgent; session: TestSession },
  query = '',
): Promise<Json> {
  const { agent, session } = who
  const headers = { authorization: `Bearer ${agent.apiKey}` }
  const response = await fetch(`${url}/s/${session.sessionKey}/handover${query}`, { headers })
  return asRecord(JSON.parse(await response.text()))
}

test('a trigger hands the session over with the call it was asked about, and tells people', async () => {
  const agent = await enrol(ground, { pact: material })
  await using session = await agent.open()
  const small = await session.call('refund', { order_id: 'a', amount: 99 })
  assert.equal(small.isError, false)
  const held = await session.call('refund', { order_id: 'b', amount: 100 })
  assert.equal(at(held.value, 'held'), true, JSON.stringify(held.value))
  const id = String(at(held.value, 'handover.id'))
  const refused = await session.post(chat())
  assert.deepEqual([refused.status, refused.code], [409, 'session.handed_over'])
  assert.equal(refused.headers.get('x-should-retry'), 'false')
  assert.equal(upstream.asked(agent.name).length, 0)
  const { handover, holds } = await client.getHandover(id)
  assert.deepEqual([handover.cause, handover.state], ['escalation.materiality', 'open'])
  assert.equal(handover.callId, held.meta['airworthy/call'])
  assert.equal(holds[0]?.holdId, at(held.value, 'id'))
  const notices = await database.query<{ subject_id: string; detail: Json }>(
    `SELECT subject_id, detail FROM airworthy.outbox WHERE kind = 'session.handed_over'
      AND subject_id = $1`,
    [session.id],
  )
  assert.equal(notices.rows.length, 1)
  assert.deepEqual(notices.rows[0]?.detail['handover'], id)
  const entry = (await readEntries(database)).find(
    (each) => each.entry['type'] === 'session.handed_over' && each.entry['session'] === session.id,
  )
  assert.equal(at(entry?.entry, 'body.cause'), 'escalation.materiality')
  // The person refunds less in its stead, and gives it back.
  await client.takeHandover(id)
  const done = await client.callInStead(id, {
    tool: 'desk/refund',
    arguments: { order_id: 'c', amount: 50 },
  })
  assert.deepEqual([done.decision, done.isError], ['allow', false])
  await client.giveBack(id)
  assert.equal((await session.post(chat())).status, 200)
  await client.rejectHold(String(at(held.value, 'id')))
  const repeat = await session.call('refund', { order_id: 'b', amount: 100 })
  assert.equal(at(repeat.value, 'code'), 'hold.rejected')
  assert.equal(tools.journal.filter((call) => call.session === session.id).length, 2)
})

test('an observing session is told of by its record, and goes on', async () => {
  const agent = await enrol(ground, { pact: material })
  await using session = await agent.open({ mode: 'observe' })
  const refund = await session.call('refund', { order_id: 'a', amount: 500 })
  assert.equal(refund.isError, false)
  assert.equal((await session.detail()).session.state, 'open')
  assert.equal((await session.post(chat())).status, 200)
})

for (const [name, connect] of [
  ['2025-11-25', connectOld],
  ['2026-07-28', connectNew],
] as const) {
  test(`the official MCP client of ${name} waits with the gateway's tool, and goes on`, async () => {
    const agent = await enrol(ground, { pact: material })
    await using session = await agent.open()
    const door = { url: `${server.url}/s/${session.sessionKey}/mcp/desk`, apiKey: agent.apiKey }
    await using mcp = await connect(door)
    const names = (await mcp.listTools()).map((tool) => tool['name'])
    assert(names.includes('airworthy_handover'))
    await mcp.call('refund', { order_id: 'a', amount: 100 })
    const refused = await mcp.call('get_order', { order_id: 'a' })
    assert.deepEqual(
      [refused['isError'], at(refused, 'structuredContent.code')],
      [true, 'session.handed_over'],
    )
    const id = String(at(refused, 'structuredContent.handover.id'))
    const tool = String(at(refused, 'structuredContent.handover.tool'))
    const now = await mcp.call(tool, { waitSeconds: 0 })
    assert.deepEqual(
      [at(now, 'structuredContent.handedOver'), at(now, 'structuredContent.state')],
      [true, 'open'],
    )
    await client.takeHandover(id)
    await client.sayInStead(id, { to: 'agent', text: 'Go on.' })
    const version = (await ask(server.url, { agent, session }))['version']
    const waiting = mcp.call(tool, { waitSeconds: 50, version })
    await client.giveBack(id)
    const back = await waiting
    assert.equal(at(back, 'structuredContent.handedOver'), false)
    assert.equal(at(back, 'structuredContent.messages.0.text'), 'Go on.')
    assert.notEqual((await mcp.call('get_order', { order_id: 'a' }))['isError'], true)
  })
}

test('on another gateway the stream ends too, calls are refused, and who waits there is woken', async () => {
  await using owner = new AsyncDisposableStack()
  const replica = await startReplica(ground, owner)
  const agent = await enrol(ground, { behaviour: 'gated-end' })
  await using session = await agent.open()
  const { apiKey } = agent
  const { sessionKey } = session
  await using there = agentClients({ url: replica.url, apiKey, sessionKey })
  upstream.gate(agent.name)
  const streaming = there.post(chat({ stream: true }))
  await until('the stream', () => upstream.asked(agent.name).length === 1)
  const { id } = await client.handOverSession(session.id, { reason: 'odd' })
  assert.match((await streaming).text, /session\.handed_over/)
  const called = await there.call('write_order', { order_id: 'a' })
  assert.equal(at(called.value, 'code'), 'session.handed_over')
  const who = { agent, session }
  const { version } = await ask(replica.url, who)
  const hearing = ask(replica.url, who, `?wait=60&version=${String(version)}`)
  await client.takeHandover(id)
  assert.equal((await hearing)['state'], 'taken')
  // The person works on the other gateway, and gives it back there.
  const person = createClient({ baseUrl: replica.url, key: server.operatorKey })
  const done = await person.callInStead(id, {
    tool: 'desk/write_order',
    arguments: { order_id: 'b' },
  })
  assert.equal(done.isError, false)
  await person.giveBack(id)
  assert.equal((await session.call('write_order', { order_id: 'c' })).isError, false)
  assert.equal((await there.call('write_order', { order_id: 'd' })).isError, false)
})

test('a gateway whose ear was cut off hears of it when it listens again', async () => {
  const agent = await enrol(ground, { behaviour: 'gated-end' })
  await using session = await agent.open()
  upstream.gate(agent.name)
  const streaming = session.post(chat({ stream: true }))
  await until('the stream', () => upstream.asked(agent.name).length === 1)
  const cut = await database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'airworthy handovers'`,
  )
  assert.equal(cut.rows.length, 1)
  await client.handOverSession(session.id, { reason: 'odd' })
  assert.match((await streaming).text, /session\.handed_over/)
})

test('a gateway that stops answers agents that wait, and ends', async () => {
  await using owner = new AsyncDisposableStack()
  const replica = await startReplica(ground, owner)
  const agent = await enrol(ground)
  await using session = await agent.open()
  await client.handOverSession(session.id, { reason: 'odd' })
  const who = { agent, session }
  const { version } = await ask(replica.url, who)
  const waiting = ask(replica.url, who, `?wait=60&version=${String(version)}`)
  const isAsked = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
    AND application_name = 'airworthy' AND query LIKE '%airworthy"."handovers" as "v"%'`
  await until('it to be asked', async () => (await database.query(isAsked)).rows.length > 0)
  const began = performance.now()
  assert.equal(await replica.terminate(), 0)
  assert.equal((await waiting)['state'], 'open')
  assert(performance.now() - began < 30_000, 'it did not wait for the agent to have waited')
})

test('a restart changes nothing: the agent stays stopped, the person goes on', async () => {
  await using own = await startGround()
  await using owner = new AsyncDisposableStack()
  const dataDir = await temporaryDirectory(owner)
  const { databaseUrl } = own
  const first = await startReplica(own, owner)
  const agent = await enrol({ ...own, server: first })
  await using session = await agent.open()
  await session.call('write_order', { order_id: 'a' })
  const { id } = await first.client.handOverSession(session.id, { reason: 'odd' })
  await first.client.takeHandover(id)
  await first.client.sayInStead(id, { to: 'user', text: 'One moment.' })
  await first.kill()
  await cp(`${own.server.dataDir}/master.key`, `${dataDir}/master.key`)
  const { operatorKey } = own.server
  const second = owner.use(await startServer({ databaseUrl, dataDir, operatorKey }))
  const { apiKey } = agent
  const { sessionKey } = session
  await using there = agentClients({ url: second.url, apiKey, sessionKey })
  const called = await there.call('write_order', { order_id: 'b' })
  assert.equal(at(called.value, 'code'), 'session.handed_over')
  const told = await ask(second.url, { agent, session })
  assert.deepEqual([told['state'], at(told, 'messages.0.text')], ['taken', 'One moment.'])
  const done = await second.client.callInStead(id, {
    tool: 'desk/write_order',
    arguments: { order_id: 'c' },
  })
  assert.equal(done.isError, false)
  await second.client.giveBack(id)
  assert.equal((await there.call('write_order', { order_id: 'b' })).isError, false)
  assert.equal(own.tools.journal.length, 3)
})
