// Erasure of a person while the gateway is at work: nothing of the person may be written afterwards.
import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { AirworthyApiError } from '@airworthy/sdk'
import { agentClients, chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'

import { startServer, temporaryDirectory } from './harness/server.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { server, upstream, tools, database } = ground
const { client } = server

function erase(subject: string) {
  return client.requestErasure({ subject, reason: 'asked', closeSessions: true })
}

function isInUse(thrown: unknown): boolean {
  return thrown instanceof AirworthyApiError && thrown.code === 'erasure.in_use'
}

/** How many keys there are that open something. */
async function liveKeys(): Promise<number> {
  const { rows } = await database.query<{ live: number }>(
    'SELECT count(*)::int AS live FROM airworthy.subject_keys WHERE destroyed_at IS NULL',
  )
  return rows[0]?.live ?? 0
}

test('waits for a model call that is under way: its reply would be sealed under a new key', async () => {
  const agent = await enrol(ground, { behaviour: 'gated' })
  await using session = await agent.open({ endUser: 'ann under way' })
  const gate = upstream.gate(agent.name)
  const asking = session.post(chat())
  await until('the call to be under way', async () => upstream.asked(agent.name).length === 1)
  await assert.rejects(erase('ann under way'), isInUse)
  gate.open()
  assert.equal((await asking).status, 200)
  const before = await liveKeys()
  await until('the call to be settled', async () => {
    const { calls } = await session.detail()
    return calls.every((call) => call.state === 'done')
  })
  const erasure = await erase('ann under way')
  assert.equal(erasure.keys, 1)
  assert.equal(await liveKeys(), before - 1)
  assert.notEqual((await session.post(chat())).status, 200)
  assert.equal(await liveKeys(), before - 1, 'what is refused makes no key for the person')
})

test('waits for a tool call about the person in a session of somebody else', async () => {
  const agent = await enrol(ground, {
    tools: { 'desk/get_order': { effect: 'read', subject: '{{args.order_id}}' } },
  })
  await using session = await agent.open({ endUser: 'bob' })
  const { promise, resolve } = Promise.withResolvers<void>()
  let isAsked = false
  tools.direct(session.id, 'get_order', async () => {
    isAsked = true
    await promise
    return { content: [{ type: 'text', text: 'found' }] }
  })
  const asking = session.call('get_order', { order_id: 'carol' })
  await until('the call to be under way', async () => isAsked)
  await assert.rejects(erase('carol'), isInUse)
  resolve()
  await asking
  assert.equal((await erase('carol')).keys, 1)
})

test('what is said later in a session of the erased person can be opened by nobody, on any gateway', async () => {
  await using owner = new AsyncDisposableStack()
  const agent = await enrol(ground)
  await using session = await agent.open({ endUser: 'dora' })
  assert.equal((await session.post(chat())).status, 200)
  await until('the call to be settled', async () => {
    return (await session.detail()).calls.every((call) => call.state === 'done')
  })
  await erase('dora')
  const before = await liveKeys()
  const dataDir = await temporaryDirectory(owner)
  await cp(join(server.dataDir, 'master.key'), join(dataDir, 'master.key'))
  const { databaseUrl } = ground
  const other = owner.use(
    await startServer({ databaseUrl, dataDir, operatorKey: server.operatorKey }),
  )
  const { apiKey } = agent
  const late = agentClients({ url: other.url, apiKey, sessionKey: session.sessionKey })
  for (const clients of [session, late]) {
    const messages = [{ role: 'user', content: 'I am Dora still' }]
    const reply = await clients.post(chat({ messages }))
    assert.equal(reply.code, 'session.closed')
    const { text } = await client.readPayload(reply.headers.get('airworthy-call') ?? '')
    assert.equal(text, null)
  }
  assert.equal(await liveKeys(), before)
})
