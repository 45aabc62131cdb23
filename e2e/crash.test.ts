// The server is killed, stopped, doubled and started again: the record stays whole.
import assert from 'node:assert/strict'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { chat } from './harness/clients.ts'
import { behave } from './harness/fake-tools.ts'
import { enrol, startGround, type Ground } from './harness/ground.ts'
import { checkRecord, spentOf } from './harness/record.ts'
import { failToStart, startServer, temporaryDirectory, type Server } from './harness/server.ts'
import { agentClients } from './harness/clients.ts'
import { createGate, until } from './harness/until.ts'

const ground = await startGround()
after(() => ground[Symbol.asyncDispose]())
const { upstream, tools, databaseUrl, database } = ground

/** One more server on the same database, under the same master key. */
async function startReplica(
  owner: AsyncDisposableStack,
  of: Server = ground.server,
): Promise<Server> {
  const dataDir = await temporaryDirectory(owner)
  await mkdir(dataDir, { recursive: true })
  await cp(join(of.dataDir, 'master.key'), join(dataDir, 'master.key'))
  return owner.use(await startServer({ databaseUrl, dataDir, operatorKey: of.operatorKey }))
}

function on(server: Server): Pick<Ground, 'server' | 'upstream' | 'tools'> {
  return { server, upstream, tools }
}

test('a server that is killed with calls in flight leaves no call open and no budget passed', async () => {
  await using owner = new AsyncDisposableStack()
  const dying = await startReplica(owner)
  const agent = await enrol(on(dying), {
    behaviour: 'gated',
    toolTimeoutMs: 1000,
    limits: { session: { calls: 20, tokens: 100_000 }, agent: { calls: 40 } },
  })
  const session = await agent.open()
  // It earns the session a lease, which dies with the server.
  assert.equal((await session.post(chat())).status, 200)
  upstream.gate(agent.name)
  const toolGate = createGate()
  tools.direct(session.id, 'write_order', async (call) => {
    const result = behave(tools.journal, call)
    await toolGate.passed
    return result
  })
  tools.direct(session.id, 'get_order', async (call) => {
    await toolGate.passed
    return behave(tools.journal, call)
  })
  const before = upstream.asked(agent.name).length
  const lost = Promise.allSettled([
    ...Array.from({ length: 3 }, () => session.post(chat())),
    session.call('write_order', { order_id: 'a' }),
    session.call('get_order', { order_id: 'a' }),
  ])
  await until('all calls to be under way', () => {
    const asked = tools.calls.filter((call) => call.session === session.id)
    return asked.length === 2 && upstream.asked(agent.name).length === before + 3
  })
  await dying.kill()
  assert.deepEqual(new Set((await lost).map((one) => one.status)), new Set(['rejected']))
  toolGate.open()
  // The other server, which runs already, recovers what the dead one left.
  await until('recovery', async () => {
    const { callsWithoutOutcome } = await ground.server.client.getLog()
    const { calls } = await ground.server.client.getSession(session.id)
    return callsWithoutOutcome === 0 && calls.every((call) => call.state !== 'executing')
  })
  const { calls, budgets } = await ground.server.client.getSession(session.id)
  // The write is unknown as well, until its probe has found it.
  const found = calls.filter((call) => call.action !== 'desk/write_order' && call.state !== 'done')
  assert.deepEqual(
    found.map((call) => [call.kind, call.action, call.state, call.code]),
    [
      ['model', 'fake', 'unknown', 'gateway.interrupted'],
      ['model', 'fake', 'unknown', 'gateway.interrupted'],
      ['model', 'fake', 'unknown', 'gateway.interrupted'],
      ['tool', 'desk/get_order', 'failed', 'gateway.interrupted'],
    ],
  )
  await until('the probe to find the write', async () => {
    const { effects } = await ground.server.client.getSession(session.id)
    return effects[0]?.state === 'done'
  })
  const spent = spentOf(budgets, 'calls')
  assert.equal(spent.reserved, 0)
  assert(spent.settled + spent.unknown + spent.leased <= 20)
  await using again = agentClients({
    url: ground.server.url,
    apiKey: agent.apiKey,
    sessionKey: session.sessionKey,
  })
  const repeat = await again.call('write_order', { order_id: 'a' })
  assert.deepEqual([repeat.isError, repeat.value], [false, 'probed'])
  assert.equal(tools.journal.filter((call) => call.session === session.id).length, 1)
  await session[Symbol.asyncDispose]()
  await checkRecord(ground.server, database)
})

test('a server that is told to stop lets calls in flight end well, and takes no new ones', async () => {
  await using owner = new AsyncDisposableStack()
  const stopping = await startReplica(owner)
  const agent = await enrol(on(stopping), {
    behaviour: 'gated-end',
    limits: { session: { calls: 9, tokens: 100_000 } },
  })
  const session = await agent.open()
  const gate = upstream.gate(agent.name)
  const toolGate = createGate()
  tools.direct(session.id, 'write_order', async (call) => {
    await toolGate.passed
    return behave(tools.journal, call)
  })
  const streaming = session.post(chat({ stream: true }))
  const writing = session.call('write_order', { order_id: 'a' })
  await until('both calls to be under way', () => {
    const asked = tools.calls.filter((call) => call.session === session.id)
    return asked.length === 1 && upstream.asked(agent.name).length === 1
  })
  const ended = stopping.terminate()
  await until('the port to close', () =>
    fetch(`${stopping.url}/healthz`).then(
      () => false,
      () => true,
    ),
  )
  gate.open()
  toolGate.open()
  const stream = await streaming
  assert(stream.text.endsWith('data: [DONE]\n\n'))
  assert.equal((await writing).isError, false)
  await session[Symbol.asyncDispose]()
  assert.equal(await ended, 0)
  const { calls, budgets } = await ground.server.client.getSession(session.id)
  assert.deepEqual(
    calls.map((call) => call.state),
    ['done', 'done'],
  )
  assert.deepEqual(spentOf(budgets, 'calls'), {
    settled: 2,
    reserved: 0,
    unknown: 0,
    overrun: 0,
    leased: 0,
  })
})

test('two servers on one database share a budget: 40 calls over both, exactly 11 arrive', async () => {
  await using owner = new AsyncDisposableStack()
  const second = await startReplica(owner)
  const agent = await enrol(ground, { limits: { agent: { calls: 11 } }, behaviour: 'delay-20' })
  const urls = [ground.server.url, second.url]
  const sessions = await Promise.all(Array.from({ length: 8 }, () => agent.open()))
  const replies = await Promise.all(
    Array.from({ length: 40 }, (_, index) => {
      const sessionKey = sessions[index % 8]?.sessionKey
      const url = urls[Math.floor(index / 8) % 2] ?? ''
      return agentClients({ url, apiKey: agent.apiKey, sessionKey }).post(chat())
    }),
  )
  const statuses = replies.map((reply) => reply.status)
  assert.equal(statuses.filter((status) => status === 200).length, 11)
  assert.equal(statuses.filter((status) => status === 429).length, 29)
  assert.equal(upstream.asked(agent.name).length, 11)
  const { budgets } = await second.client.getAgent(agent.name)
  const { settled, reserved, unknown } = spentOf(budgets, 'calls')
  assert.deepEqual([settled, reserved, unknown], [11, 0, 0])
})

test('a session that one server closed, and a key that it revoked, are refused by the other at once', async () => {
  await using owner = new AsyncDisposableStack()
  const second = await startReplica(owner)
  const agent = await enrol(ground)
  await using session = await agent.open()
  const { apiKey } = agent
  const elsewhere = agentClients({ url: second.url, apiKey, sessionKey: session.sessionKey })
  assert.equal((await elsewhere.post(chat())).status, 200)
  await ground.server.client.closeSession(session.id)
  assert.equal((await elsewhere.post(chat())).code, 'session.closed')
  const { keys } = await ground.server.client.getAgent(agent.name)
  await ground.server.client.revokeKey(agent.name, keys[0]?.id ?? '')
  assert.equal((await elsewhere.post(chat())).code, 'auth.revoked_key')
})

test('one write that is asked of two servers at once is executed once', async () => {
  await using owner = new AsyncDisposableStack()
  const second = await startReplica(owner)
  const agent = await enrol(ground)
  await using session = await agent.open()
  const clients = [ground.server.url, second.url].map((url) =>
    agentClients({ url, apiKey: agent.apiKey, sessionKey: session.sessionKey }),
  )
  const replies = await Promise.all(
    clients.flatMap((one) => [1, 2, 3].map(() => one.call('notify', { note: 'x' }))),
  )
  for (const reply of replies) assert.equal(reply.isError, false, JSON.stringify(reply))
  assert.equal(tools.journal.filter((call) => call.session === session.id).length, 1)
  for (const client of clients) await client[Symbol.asyncDispose]()
})

test('a server with another master key is refused, and has changed nothing', async () => {
  const before = await database.query('SELECT count(*) FROM airworthy.subject_keys')
  const printed = await failToStart({
    databaseUrl,
    env: { AIRWORTHY_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') },
  })
  assert.match(printed, /start\.master_key/)
  const now = await database.query('SELECT count(*) FROM airworthy.subject_keys')
  assert.deepEqual(now.rows, before.rows)
})

test('a restart keeps sessions, budgets, effects and holds', async () => {
  await using owner = new AsyncDisposableStack()
  const first = await startReplica(owner)
  const agent = await enrol(on(first), {
    limits: { session: { calls: 12 } },
    rules: [{ id: 'ask', effect: 'hold', tools: ['desk/refund'] }],
  })
  const session = await agent.open()
  assert.equal((await session.post(chat())).status, 200)
  const written = await session.call('write_order', { order_id: 'a' })
  const held = await session.call('refund', { order_id: 'a', amount: 1 })
  await session[Symbol.asyncDispose]()
  await first.kill()
  const second = await startReplica(owner)
  await using again = agentClients({
    url: second.url,
    apiKey: agent.apiKey,
    sessionKey: session.sessionKey,
  })
  const repeat = await again.call('write_order', { order_id: 'a' })
  assert.equal(repeat.meta['airworthy/repeat-of'], written.meta['airworthy/call'])
  const id = String(new Map(Object.entries(held.value ?? {})).get('id'))
  assert.equal((await second.client.approveHold(id)).call.state, 'done')
  await until('the dead server’s lease to be unknown', async () => {
    const { budgets } = await second.client.getSession(session.id)
    return spentOf(budgets, 'calls').leased === 0
  })
  const { budgets } = await second.client.getSession(session.id)
  const spent = spentOf(budgets, 'calls')
  assert.equal(spent.settled, 3)
  assert(spent.settled + spent.unknown <= 12)
  await checkRecord(second, database)
})
