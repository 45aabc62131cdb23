// An agent that goes round in circles is stopped, with a reason that it can read.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { at } from './harness/json.ts'

const ground = await standGround()
const { server, tools, upstream } = ground

function asked(session: string): number {
  return tools.calls.filter((call) => call.session === session).length
}

/** Reads these orders one after another; answers what each came to. */
async function read(session: TestSession, orders: readonly string[]): Promise<unknown[]> {
  const codes: unknown[] = []
  for (const order_id of orders) {
    const reply = await session.call('get_order', { order_id })
    codes.push(reply.isError ? at(reply.value, 'code') : 'done')
  }
  return codes
}

test('the same call is stopped when it was made too often, and others go on', async () => {
  const agent = await enrol(ground, { limits: { loops: { identical: 5, window: 8 } } })
  await using session = await agent.open()
  const codes = await read(session, ['a', 'a', 'a', 'a', 'a', 'a', 'b', 'c', 'd', 'e', 'a'])
  assert.deepEqual(
    codes.map((code) => code !== 'done'),
    codes.map((_, index) => index === 5),
  )
  assert.equal(codes[5], 'loop.identical')
  const { calls } = await session.detail()
  const denied = calls.find((call) => call.code === 'loop.identical')
  assert.match(denied?.reasons.at(-1)?.reason ?? '', /was made 5 times lately: use the answer/)
  assert.equal(asked(session.id), 10)
})

test('the same call to another tool, or with other arguments, is another call', async () => {
  const agent = await enrol(ground, { limits: { loops: { identical: 2, oscillation: 0 } } })
  await using session = await agent.open()
  for (const tool of ['get_order', 'find_customer']) {
    for (const value of ['a', 'b']) {
      const name = tool === 'get_order' ? 'order_id' : 'email'
      for (const attempt of [1, 2]) {
        const reply = await session.call(tool, { [name]: value })
        assert.equal(reply.isError, false, `${tool} ${value} ${attempt}`)
      }
    }
  }
  assert.deepEqual(await read(session, ['a']), ['loop.identical'])
})

test('the same few calls in turn are stopped after their rounds', async () => {
  const agent = await enrol(ground, { limits: { loops: { oscillation: 3 } } })
  await using session = await agent.open()
  const codes = await read(session, ['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b', 'c', 'a'])
  assert.deepEqual(
    codes.slice(0, 6),
    Array.from({ length: 6 }, () => 'done'),
  )
  assert.deepEqual(codes.slice(6), ['loop.oscillation', 'done', 'done', 'done'])
})

test('calls at once pass exactly as often as the limit says', async () => {
  const agent = await enrol(ground, { limits: { loops: { identical: 5, oscillation: 0 } } })
  await using session = await agent.open()
  const replies = await Promise.all(
    Array.from({ length: 30 }, () => session.call('get_order', { order_id: 'a' })),
  )
  assert.equal(replies.filter((reply) => !reply.isError).length, 5)
  assert.equal(asked(session.id), 5)
})

test('what a session remembers outlives what the gateway keeps in memory', async () => {
  const agent = await enrol(ground, { limits: { loops: { identical: 3 } } })
  await using session = await agent.open()
  assert.deepEqual(await read(session, ['a', 'a']), ['done', 'done'])
  // Another writer's entry: the gateway reads the session's facts anew.
  await server.client.openSession({ agent: agent.name })
  assert.deepEqual(await read(session, ['a']), ['done'])
  await server.client.openSession({ agent: agent.name })
  assert.deepEqual(await read(session, ['a']), ['loop.identical'])
})

test('steps and tool calls of a session are limited, each by its own number', async () => {
  const agent = await enrol(ground, { limits: { loops: { steps: 2, toolCalls: 3 } } })
  await using session = await agent.open()
  assert.deepEqual(await read(session, ['a', 'b', 'c', 'd']), [
    'done',
    'done',
    'done',
    'loop.steps',
  ])
  const [first, second, third] = [
    await session.post(chat()),
    await session.post(chat()),
    await session.post(chat()),
  ]
  assert.deepEqual([first.status, second.status], [200, 200])
  assert.deepEqual([third.status, third.code], [429, 'loop.steps'])
  assert.equal(third.headers.get('x-should-retry'), 'false')
  assert.match(third.text, /has had its 2 model calls: finish with what you have/)
  assert.equal(upstream.asked(agent.name).length, 2)
})

test('model calls with the same body are compared where the manifest says so', async () => {
  const compared = await enrol(ground, { limits: { loops: { identical: 3, models: true } } })
  await using session = await compared.open()
  const statuses: number[] = []
  for (const content of ['x', 'x', 'x', 'x', 'y']) {
    const reply = await session.post(chat({ messages: [{ role: 'user', content }] }))
    statuses.push(reply.status)
  }
  assert.deepEqual(statuses, [200, 200, 200, 429, 200])
  const free = await enrol(ground, { limits: { loops: { identical: 3 } } })
  await using other = await free.open()
  for (const _ of [1, 2, 3, 4]) assert.equal((await other.post(chat())).status, 200)
})

test('a rule can ask how often this very call was made', async () => {
  const agent = await enrol(ground, {
    rules: [
      {
        id: 'ask-once-or-twice',
        effect: 'deny',
        tools: ['desk/get_order'],
        when: 'session.repeats >= 2',
      },
    ],
  })
  await using session = await agent.open()
  assert.deepEqual(await read(session, ['a', 'a', 'a', 'b']), [
    'done',
    'done',
    'policy.denied',
    'done',
  ])
})

test('without limits in the manifest, an agent may wait for something', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const codes = await read(
    session,
    Array.from({ length: 51 }, () => 'a'),
  )
  assert.deepEqual(
    [codes.filter((code) => code === 'done').length, codes.at(-1)],
    [50, 'loop.identical'],
  )
})

test('an observing session says what it would have stopped, and goes on', async () => {
  const agent = await enrol(ground, { limits: { loops: { identical: 1 } } })
  await using session = await agent.open({ mode: 'observe' })
  await session.call('get_order', { order_id: 'a' })
  const reply = await session.call('get_order', { order_id: 'a' })
  assert.deepEqual([reply.isError, reply.meta['airworthy/decision']], [false, 'would-deny'])
})
