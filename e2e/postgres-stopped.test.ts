// PostgreSQL goes away under calls in flight, and comes back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from 'pg'
import { startEmbeddedPostgres } from '../server/src/adapters/postgres/embedded-postgres.ts'
import { chat, postJson } from './harness/clients.ts'
import { behave, startFakeTools } from './harness/fake-tools.ts'
import { startFakeUpstream } from './harness/fake-upstream.ts'
import { enrol } from './harness/ground.ts'
import { at } from './harness/json.ts'
import { checkRecord, spentOf } from './harness/record.ts'
import { startServer, temporaryDirectory } from './harness/server.ts'
import { startTcpProxy } from './harness/tcp-proxy.ts'
import { createGate, until } from './harness/until.ts'

function portOf(url: string): number {
  return Number(new URL(url).port)
}

test('calls in flight get typed errors; when PostgreSQL is back the server serves, the record is whole', async () => {
  await using owner = new AsyncDisposableStack()
  const dataDir = await temporaryDirectory(owner)
  const first = owner.use(await startEmbeddedPostgres({ dataDir }))
  const proxy = owner.use(await startTcpProxy(portOf(first.url)))
  const databaseUrl = new URL(first.url)
  databaseUrl.port = String(proxy.port)
  const upstream = owner.use(await startFakeUpstream())
  const tools = owner.use(await startFakeTools())
  const server = owner.use(await startServer({ databaseUrl: databaseUrl.href }))
  const agent = await enrol(
    { server, upstream, tools },
    {
      behaviour: 'gated-end',
      toolTimeoutMs: 1500,
      limits: { session: { calls: 50, tokens: 500_000 } },
    },
  )
  await using session = await agent.open()
  const other = await enrol({ server, upstream, tools })
  const gate = upstream.gate(agent.name)
  const toolGate = createGate()
  for (const tool of ['write_order', 'get_order']) {
    tools.direct(session.id, tool, async (call) => {
      await toolGate.passed
      return behave(tools.journal, call)
    })
  }
  const streaming = session.post(chat({ stream: true }))
  const writing = session.call('write_order', { order_id: 'a' }).catch((thrown: unknown) => thrown)
  const reading = session.call('get_order', { order_id: 'a' }).catch((thrown: unknown) => thrown)
  await until('all calls to be under way', () => {
    return upstream.asked(agent.name).length === 1 && tools.calls.length === 2
  })

  await first.stop()
  await until('the server to notice', async () => {
    const health = await server.client.health()
    return health.status === 'failing'
  })
  const refused = await session.post(chat())
  // Which of the two finds out first depends on when the session was read last.
  assert.equal(refused.status, 503)
  assert.match(refused.code ?? '', /^(log|database)\.un/)
  const tool = await session.call('notify', { note: 'n' }).catch((thrown: unknown) => thrown)
  assert.match(String(at(tool, 'data.code')), /^(log|database)\.un/)
  const strange = await postJson(`${server.url}/v1/chat/completions`, {
    body: chat(),
    headers: { authorization: `Bearer ${other.apiKey}` },
  })
  assert.equal(strange.status, 503, strange.text)
  gate.open()
  toolGate.open()
  const stream = await streaming
  assert(!stream.text.includes('[DONE]'), 'no last event without a durable outcome')
  assert(stream.text.includes('"log.unavailable"'), stream.text)
  for (const reply of [await writing, await reading]) {
    assert.equal(at(reply, 'data.code'), 'log.unavailable', String(reply))
  }

  await using second = await startEmbeddedPostgres({ dataDir })
  proxy.aim(portOf(second.url))
  await until('the server to serve again', async () => {
    return (await session.post(chat({ stream: true }))).status === 200
  })
  const { client } = server
  await until('recovery', async () => (await client.getLog()).callsWithoutOutcome === 0)
  await until('the probe to find the write', async () => {
    const { effects } = await session.detail()
    return effects[0]?.state === 'done'
  })
  const repeat = await session.call('write_order', { order_id: 'a' })
  assert.deepEqual([repeat.isError, repeat.value], [false, 'probed'])
  assert.equal(tools.journal.length, 1, 'the write was executed once')
  const spent = spentOf((await session.detail()).budgets, 'calls')
  assert(spent.settled + spent.unknown + spent.leased <= 50 && spent.reserved === 0)
  const database = new Client({ connectionString: second.url })
  await database.connect()
  await checkRecord(server, database)
  await database.end()
  await server.terminate()
})
