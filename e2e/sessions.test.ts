// Who may call, in which session: keys, sessions, and the wall between agents and operators.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AirworthyApiError, createClient } from '@airworthy/sdk'
import { agentClients, chat, postJson } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { at } from './harness/json.ts'

const ground = await standGround()
const { server } = ground

async function refusedBy(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (thrown) {
    if (thrown instanceof AirworthyApiError) return `${thrown.status} ${thrown.code}`
    throw thrown
  }
  return 'not refused'
}

test('the session key works in the path and in the header, on both wires', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  assert.equal((await session.post(chat())).status, 200)
  assert.equal((await session.call('get_order', { order_id: 'a' })).isError, false)
  const inHeader = await postJson(`${server.url}/v1/chat/completions`, {
    body: chat(),
    headers: { authorization: `Bearer ${agent.apiKey}`, 'airworthy-session': session.sessionKey },
  })
  assert.equal(inHeader.status, 200)
  const { calls } = await session.detail()
  assert.deepEqual(
    calls.map((call) => call.kind),
    ['model', 'tool', 'model'],
  )
})

test('calls without a session share one default session, which has the strictest limits', async () => {
  const agent = await enrol(ground, {
    limits: { session: { calls: 100 }, defaultSession: { calls: 2 } },
  })
  await using clients = agentClients({
    url: server.url,
    apiKey: agent.apiKey,
    sessionKey: undefined,
  })
  const [first, second] = await Promise.all([clients.post(chat()), clients.post(chat())])
  assert.deepEqual([first?.status, second?.status], [200, 200])
  const third = await clients.post(chat())
  assert.deepEqual([third.status, third.code], [429, 'budget.exceeded'])
  assert.equal(third.headers.get('x-should-retry'), 'false')
  const tool = await clients.call('get_order', { order_id: 'a' })
  assert.deepEqual([tool.isError, at(tool.value, 'code')], [true, 'budget.exceeded'])
  const { sessions } = await server.client.listSessions({ agent: agent.name })
  assert.deepEqual(
    sessions.map((one) => [one.isDefault, one.facts.modelCalls]),
    [[true, 2]],
  )
  await using session = await agent.open()
  assert.equal((await session.post(chat())).status, 200)
})

test('a session of another agent is refused as if it were unknown', async () => {
  const [one, other] = [await enrol(ground), await enrol(ground)]
  await using session = await other.open()
  const stolen = agentClients({
    url: server.url,
    apiKey: one.apiKey,
    sessionKey: session.sessionKey,
  })
  const reply = await stolen.post(chat())
  assert.deepEqual([reply.status, reply.code], [401, 'session.unknown'])
  await assert.rejects(stolen.call('get_order', { order_id: 'a' }), /session/)
  const unknown = agentClients({ url: server.url, apiKey: one.apiKey, sessionKey: 'aws_nothing' })
  const nothing = await unknown.post(chat())
  assert.deepEqual([nothing.status, nothing.code], [reply.status, reply.code])
})

test('no key, an unknown key and an operator’s key are refused at the gateway', async () => {
  const ask = (headers: Record<string, string>) =>
    postJson(`${server.url}/v1/chat/completions`, { body: chat(), headers })
  const missing = await ask({})
  assert.deepEqual([missing.status, missing.code], [401, 'auth.missing'])
  const unknown = await ask({ authorization: 'Bearer awk_unknown' })
  assert.deepEqual([unknown.status, unknown.code], [401, 'auth.unknown_key'])
  const operator = await ask({ authorization: `Bearer ${server.operatorKey}` })
  assert.deepEqual([operator.status, operator.code], [403, 'auth.forbidden'])
  for (const reply of [missing, unknown, operator]) {
    assert.equal(reply.headers.get('x-should-retry'), 'false')
    assert.equal(at(JSON.parse(reply.text), 'error.type'), 'airworthy_error')
  }
})

test('an agent key opens nothing of the control API, so no agent approves its own hold', async () => {
  const agent = await enrol(ground, {
    rules: [{ id: 'big', effect: 'hold', tools: ['desk/refund'] }],
  })
  await using session = await agent.open()
  const held = await session.call('refund', { order_id: 'a', amount: 1 })
  const holdId = String(at(held.value, 'id'))
  for (const key of [agent.apiKey, session.sessionKey]) {
    const client = createClient({ baseUrl: server.url, key })
    const refusals = await Promise.all([
      refusedBy(client.approveHold(holdId)),
      refusedBy(client.getHold(holdId)),
      refusedBy(client.listHolds()),
      refusedBy(client.openSession({ agent: agent.name })),
      refusedBy(client.getAgent(agent.name)),
      refusedBy(client.listEntries()),
      refusedBy(client.getLog()),
    ])
    assert.deepEqual(new Set(refusals), new Set(['403 auth.agent_key_refused']))
  }
  assert.equal((await server.client.getHold(holdId)).state, 'pending')
})

test('a revoked key is refused at once, in calls and in lists', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  assert.equal((await session.post(chat())).status, 200)
  assert.equal((await session.listTools()).length > 0, true)
  const { keys } = await server.client.getAgent(agent.name)
  await server.client.revokeKey(agent.name, keys[0]?.id ?? '')
  const reply = await session.post(chat())
  assert.deepEqual([reply.status, reply.code], [401, 'auth.revoked_key'])
  const tool = await session.call('get_order', { order_id: 'a' })
  assert.deepEqual([tool.isError, at(tool.value, 'code')], [true, 'auth.revoked_key'])
  await assert.rejects(session.listTools(), /revoked/)
  const models = await fetch(`${server.url}/v1/models`, {
    headers: { authorization: `Bearer ${agent.apiKey}` },
  })
  assert.equal(models.status, 401)
})

test('a closed session takes no call', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  assert.equal((await session.post(chat())).status, 200)
  await server.client.closeSession(session.id)
  const reply = await session.post(chat())
  assert.equal(reply.code, 'session.closed')
  const tool = await session.call('get_order', { order_id: 'a' })
  assert.equal(at(tool.value, 'code'), 'session.closed')
})
