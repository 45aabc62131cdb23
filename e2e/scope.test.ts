// Least privilege by task: a session reaches what its task needs, on the data that it was opened
// for, and reads until it may write.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AirworthyApiError, type OpenSession } from '@airworthy/sdk'
import { agentClients, chat } from './harness/clients.ts'
import { enrol, standGround, type TestAgent } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { manifestText } from './harness/manifest.ts'
import { readEntries } from './harness/record.ts'

const ground = await standGround()
const { server, tools, upstream, database } = ground

const lookup: Json = {
  description: 'Answers questions.',
  tools: ['desk/get_order', 'desk/find_*'],
}
const refund: Json = {
  description: 'Changes the orders of one customer.',
  tools: ['desk/*'],
  models: ['fake'],
  scopes: ['order_id'],
  limits: { calls: 6 },
  bounds: [
    {
      id: 'own-order',
      tools: ['desk/write_order', 'desk/refund', 'desk/get_order'],
      when: "args.order_id == session.scope['order_id']",
      reason: 'this session is for one order only',
    },
  ],
}
const withTasks: Json = {
  scopes: { order_id: 'string', level: 'integer' },
  tasks: { lookup, refund, chatless: { ...lookup, models: [] } },
}

function executed(session: string): number {
  return tools.journal.filter((call) => call.session === session).length
}

function asked(session: string): number {
  return tools.calls.filter((call) => call.session === session).length
}

async function refusal(work: Promise<unknown>): Promise<AirworthyApiError> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert(thrown instanceof AirworthyApiError, 'it is refused by the API')
  return thrown
}

function opening(agent: TestAgent, more: Omit<OpenSession, 'agent'>): Promise<AirworthyApiError> {
  return refusal(server.client.openSession({ agent: agent.name, ...more }))
}

test('a session must name one of the tasks, and carry what the task needs', async () => {
  const agent = await enrol(ground, { more: withTasks })
  const none = await opening(agent, {})
  assert.deepEqual([none.status, none.code], [400, 'task.unknown'])
  assert.deepEqual(none.detail?.['tasks'], ['lookup', 'refund', 'chatless'])
  const slip = await opening(agent, { task: 'refnd' })
  assert.match(
    slip.message,
    /one of the tasks lookup, refund, chatless \(did you mean "refund"\?\)/,
  )
  const cases: readonly [OpenSession['scope'], RegExp][] = [
    [undefined, /order_id: got nothing, expected a string, because the task refund needs it/],
    [{ order_id: 7 }, /order_id: got 7, expected a string/],
    [{ order_id: 'a', level: 'high' }, /level: got "high", expected an integer/],
    [{ order_id: 'a', order: 'b' }, /order: got a value, expected one of order_id, level/],
  ]
  for (const [scope, expected] of cases) {
    const refused = await opening(agent, {
      task: 'refund',
      ...(scope === undefined ? {} : { scope }),
    })
    assert.deepEqual([refused.status, refused.code], [400, 'scope.invalid'])
    assert.match(refused.message, expected)
  }
  const { session } = await server.client.openSession({
    agent: agent.name,
    task: 'refund',
    scope: { order_id: 'a', level: 2 },
  })
  assert.deepEqual([session.task, session.scope], ['refund', { order_id: 'a', level: 2 }])
  const { budgets } = await server.client.getSession(session.id)
  assert.deepEqual(
    budgets.map(({ unit, limit }) => [unit, limit]),
    [['calls', '6']],
  )
  const { sessions } = await server.client.listSessions({ agent: agent.name })
  assert.equal(sessions.length, 1, 'what was refused left no session')
})

test('what lies outside the task is not listed, and refused when it is called anyway', async () => {
  const agent = await enrol(ground, { more: withTasks })
  await using session = await agent.open({ task: 'lookup' })
  assert.deepEqual((await session.listTools()).toSorted(), ['find_customer', 'get_order'])
  assert.equal((await session.call('get_order', { order_id: 'a' })).isError, false)
  for (const tool of ['write_order', 'refund', 'notify']) {
    const reply = await session.call(tool, { order_id: 'a', amount: 5 })
    assert.deepEqual([reply.isError, at(reply.value, 'code')], [true, 'task.forbidden'])
    assert.match(String(at(reply.value, 'message')), /the task lookup does not include desk\//)
  }
  assert.equal(at((await session.call('drop_database')).value, 'code'), 'tool.unknown')
  assert.equal(asked(session.id), 1, 'only the permitted call reached the tool server')
  const { calls } = await session.detail()
  assert.deepEqual(
    calls.map((call) => call.code),
    [null, 'task.forbidden', 'task.forbidden', 'task.forbidden', 'tool.unknown'],
  )
})

test('a model outside the task is neither listed nor called', async () => {
  const agent = await enrol(ground, { more: withTasks })
  await using without = await agent.open({ task: 'chatless' })
  await using session = await agent.open({ task: 'lookup' })
  const listed = await Promise.all(
    [without, session].map(async ({ openai }) => (await openai.models.list()).data.length),
  )
  assert.deepEqual(listed, [0, 1])
  const refused = await without.post(chat())
  assert.deepEqual([refused.status, refused.code], [403, 'task.forbidden'])
  assert.equal((await session.post(chat())).status, 200)
  assert.equal(upstream.asked(agent.name).length, 1)
})

test('a reply that calls a tool outside the task is refused where drift is held', async () => {
  const agent = await enrol(ground, {
    behaviour: 'tool-permitted',
    drift: { tools: 'hold' },
    more: { tasks: { lookup, talk: { ...lookup, tools: ['desk/find_customer'] } } },
  })
  await using permitted = await agent.open({ task: 'lookup' })
  await using outside = await agent.open({ task: 'talk' })
  assert.equal((await permitted.post(chat())).status, 200)
  const refused = await outside.post(chat())
  assert.deepEqual([refused.status, refused.code], [403, 'policy.reply_denied'])
})

test('calls without a session have the default task, and without one nothing', async () => {
  const cases: readonly [Json, string[], string | undefined][] = [
    [{ tasks: { lookup } }, [], 'task.forbidden'],
    [{ tasks: { lookup }, defaultTask: 'lookup' }, ['find_customer', 'get_order'], undefined],
  ]
  for (const [more, listed, code] of cases) {
    const agent = await enrol(ground, { more })
    await using clients = agentClients({
      url: server.url,
      apiKey: agent.apiKey,
      sessionKey: undefined,
    })
    assert.deepEqual((await clients.listTools()).toSorted(), listed)
    const read = await clients.call('get_order', { order_id: 'a' })
    assert.equal(at(read.value, 'code'), code)
    const write = await clients.call('write_order', { order_id: 'a' })
    assert.equal(at(write.value, 'code'), 'task.forbidden')
    assert.equal((await clients.post(chat())).status, code === undefined ? 200 : 403)
  }
})

test('a data scope binds every call of the session to its data', async () => {
  const agent = await enrol(ground, { more: withTasks })
  await using session = await agent.open({ task: 'refund', scope: { order_id: 'A-1' } })
  assert.equal((await session.call('get_order', { order_id: 'A-1' })).isError, false)
  assert.equal((await session.call('write_order', { order_id: 'A-1' })).isError, false)
  // Full width, another alphabet, a blank: only a person would take them for this order.
  const cases: readonly [string, string][] = [
    ['A-2', 'policy.denied'],
    ['Ａ-1', 'policy.rule_error'],
    ['А-1', 'policy.rule_error'],
    ['A-1 ', 'policy.rule_error'],
    ['', 'policy.denied'],
  ]
  for (const [other, code] of cases) {
    for (const tool of ['get_order', 'write_order']) {
      const reply = await session.call(tool, { order_id: other })
      assert.deepEqual([reply.isError, at(reply.value, 'code')], [true, code], other)
      assert.match(String(at(reply.value, 'message')), /^task\.refund\.own-order: /)
    }
  }
  assert.equal(executed(session.id), 1)
  const log = Buffer.concat((await readEntries(database)).map(({ bytes }) => bytes))
  assert.equal(log.includes('"A-1"'), false, 'the log holds no scope')
})

test('an open session follows the newest pact: a task that is gone permits nothing', async () => {
  const agent = await enrol(ground, { more: withTasks })
  await using session = await agent.open({ task: 'lookup' })
  assert.equal((await session.call('get_order', { order_id: 'a' })).isError, false)
  const manifest = manifestText({
    name: agent.name,
    modelBaseUrl: upstream.base('echo', agent.name),
    toolsUrl: tools.url,
    more: { scopes: withTasks['scopes'], tasks: { refund } },
  })
  await server.client.enrolAgent({ manifest, file: 'agent.json' })
  const reply = await session.call('get_order', { order_id: 'a' })
  assert.equal(at(reply.value, 'code'), 'task.forbidden')
  assert.deepEqual(await session.listTools(), [])
})

test('an observing session records what its task would refuse, and goes on', async () => {
  const agent = await enrol(ground, { more: withTasks })
  await using session = await agent.open({ task: 'lookup', mode: 'observe' })
  const reply = await session.call('write_order', { order_id: 'a' })
  assert.deepEqual([reply.isError, reply.meta['airworthy/decision']], [false, 'would-deny'])
  const { calls } = await session.detail()
  assert.deepEqual([calls[0]?.code, calls[0]?.state], ['task.forbidden', 'done'])
})

test('a manifest with a wrong task is refused with its place', async () => {
  const wrong = { tasks: { lookup: { ...lookup, tools: ['desk/gte_order'] } } }
  const refused = await refusal(enrol(ground, { more: wrong }))
  assert.equal(refused.code, 'manifest.invalid')
  assert.match(JSON.stringify(refused.detail), /tasks\.lookup\.tools\[0\]/)
})
