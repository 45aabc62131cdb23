// More model calls than the gateway works on at a time: they wait in a bounded queue, and the rest
// is told when to come back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { until } from './harness/until.ts'

const ground = await standGround({
  env: { AIRWORTHY_MODEL_CONCURRENCY: '2', AIRWORTHY_AGENT_MODEL_QUEUE: '1' },
})
const { server, upstream } = ground

async function admission(): Promise<string> {
  const { running, waiting } = (await server.client.listUpstreams()).admission
  return `${running} ${waiting}`
}

test('an agent keeps to its limit, its queue is bounded, and others go on', async () => {
  const limits = { session: { calls: 99, tokens: 1_000_000 }, concurrency: 1 }
  const busy = await enrol(ground, { limits, behaviour: 'gated' })
  const other = await enrol(ground)
  await using session = await busy.open()
  await using others = await other.open()
  const gate = upstream.gate(busy.name)
  const first = session.post(chat())
  await until('the first call', async () => (await admission()) === '1 0')
  const leaving = new AbortController()
  const second = session.post(chat(), { signal: leaving.signal }).catch(() => 'gone')
  await until('the second call to wait', async () => (await admission()) === '1 1')
  const third = await session.post(chat())
  assert.deepEqual([third.status, third.code], [429, 'gateway.overloaded'])
  assert.match(third.headers.get('retry-after') ?? '', /^[1-9]\d?$/)
  assert.equal(third.headers.get('x-should-retry'), 'true')
  assert.equal((await others.post(chat())).status, 200)
  leaving.abort()
  assert.equal(await second, 'gone')
  await until('the queue to be empty', async () => (await admission()) === '1 0')
  const fourth = session.post(chat())
  await until('the fourth call to wait', async () => (await admission()) === '1 1')
  gate.open()
  assert.deepEqual([(await first).status, (await fourth).status], [200, 200])
  await until('all places to be free', async () => (await admission()) === '0 0')
  assert.equal(upstream.asked(busy.name).length, 2, 'what left the queue was never sent')
  const { calls } = await session.detail()
  assert.equal(calls.length, 2, 'nor was it recorded')
})

test('the official client comes back by itself when there is room', async () => {
  const limits = { session: { calls: 99, tokens: 1_000_000 }, concurrency: 1 }
  const busy = await enrol(ground, { limits })
  await using session = await busy.open()
  const replies = await Promise.all(
    Array.from({ length: 3 }, () =>
      session.openai.chat.completions.create({
        model: 'fake',
        max_tokens: 50,
        messages: [{ role: 'user', content: 'Hi' }],
      }),
    ),
  )
  assert.equal(replies.length, 3)
})
