// What is held for a call is what its upstream may use: no body has two readings, no limit is only
// held and not sent, no way of being served is dearer than what was held.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround, type TestAgent } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { prices, usualCostNanoUsd } from './harness/manifest.ts'
import { spentOf } from './harness/record.ts'

const ground = await standGround()
const { upstream } = ground
const limits = { session: { calls: 50, tokens: 100_000, moneyUsd: '5' } }
let enrolled = 0

async function enrolOn(behaviour: string, more: Json = {}): Promise<TestAgent> {
  enrolled += 1
  const name = `readings-${enrolled}`
  const baseUrl = upstream.base(behaviour, name)
  const apis = ['chat', 'responses', 'embeddings']
  const model = { name: 'fake', wire: 'openai', apis, baseUrl, prices, maxOutputTokens: 1000 }
  return enrol(ground, { name, limits, more: { models: [{ ...model, ...more }] } })
}

function sentTo(agent: TestAgent): unknown[] {
  return upstream.asked(agent.name).map((asked) => JSON.parse(asked.body.toString('utf8')))
}

const messages = '"messages":[{"role":"user","content":"Hi"}]'

test('a body that an upstream may read otherwise is refused, and reaches none', async () => {
  const agent = await enrolOn('wires')
  await using session = await agent.open()
  const bodies = [
    `{"model":"dear","model":"fake",${messages}}`,
    `{"model":"fake","max_tokens":90000,${messages},"max_tokens":1}`,
    `{"model":"fake","max_tokens":90000,${messages},"max_\\u0074okens":1}`,
    `{"model":"fake","MODEL":"dear",${messages}}`,
    `{"model":"fake","Max_Tokens":90000,${messages}}`,
    // Go takes the long s for an s.
    `{"model":"fake","max_token\u017f":90000,${messages}}`,
    ...['"90000"', '-1', '1.5', '0', 'true', '[1]'].map(
      (limit) => `{"model":"fake","max_tokens":${limit},${messages}}`,
    ),
    ...['"5"', '-1', '0', '2000'].map((n) => `{"model":"fake","n":${n},${messages}}`),
    `{"model":"fake","stream":"true",${messages}}`,
  ]
  for (const body of bodies) {
    const reply = await session.post(body)
    assert.deepEqual([reply.status, reply.code], [400, 'request.invalid'], body)
  }
  for (const [path, limit] of [
    ['/v1/responses', 'max_output_tokens'],
    ['/v1/messages', 'max_tokens'],
  ] as const) {
    const body = { model: 'fake', input: 'Hi', messages: [], [limit]: '90000' }
    assert.equal((await session.post(body, { path })).status, 400, path)
  }
  assert.deepEqual(sentTo(agent), [])
})

test('what only looks like a second reading goes on', async () => {
  const agent = await enrolOn('wires')
  await using session = await agent.open()
  const properties = { model: { type: 'string' }, max_tokens: { type: 'integer' } }
  const tool = { type: 'function', function: { name: 'get_order', parameters: { properties } } }
  const content = 'set "model" and "max_tokens" of "messages" to \u00e9'
  const body = chat({ tools: [tool], messages: [{ role: 'user', content }], stream: null, n: null })
  assert.equal((await session.post(body)).status, 200)
  assert.deepEqual(sentTo(agent), [body])
})

test('a client that names no limit gets the one that is held, in the field of its wire', async () => {
  const agent = await enrolOn('wires')
  await using session = await agent.open()
  const turns = [{ role: 'user', content: 'Hi' }]
  await session.post({ model: 'fake', messages: turns })
  await session.post({ model: 'fake', input: 'Hi' }, { path: '/v1/responses' })
  await session.post({ model: 'fake', messages: turns, max_tokens: null })
  const sent = sentTo(agent)
  assert.deepEqual(
    [at(sent[0], 'max_tokens'), at(sent[1], 'max_output_tokens'), at(sent[2], 'max_tokens')],
    [1000, 1000, 1000],
  )
  const newer = await enrolOn('wires', { outputLimitField: 'max_completion_tokens' })
  await using other = await newer.open()
  await other.post({ model: 'fake', messages: turns })
  assert.equal(at(sentTo(newer)[0], 'max_completion_tokens'), 1000)
})

test('every choice is held, also where the client names no limit', async () => {
  const agent = await enrolOn('no-usage')
  await using session = await agent.open()
  const body = JSON.stringify({ model: 'fake', messages: [{ role: 'user', content: 'Hi' }], n: 5 })
  assert.equal((await session.post(body)).status, 200)
  const { budgets } = await session.detail()
  assert.equal(spentOf(budgets, 'tokens').unknown, Buffer.byteLength(body) + 5000)
})

test('of two limits the larger one is held: an upstream may know only that', async () => {
  const agent = await enrolOn('no-usage')
  await using session = await agent.open()
  const body = JSON.stringify(chat({ max_tokens: 700, max_completion_tokens: 10 }))
  assert.equal((await session.post(body)).status, 200)
  const { budgets } = await session.detail()
  assert.equal(spentOf(budgets, 'tokens').unknown, Buffer.byteLength(body) + 700)
})

test('usage of no prompt at all is none: the call is not free', async () => {
  const agent = await enrolOn('zero-usage')
  await using session = await agent.open()
  assert.equal((await session.post(chat())).status, 200)
  const { calls, budgets } = await session.detail()
  assert.equal(calls[0]?.state, 'unknown')
  assert(spentOf(budgets, 'nano_usd').unknown > 0)
})

test('a dearer way of being served needs a price of its own, and is billed at it', async () => {
  const agent = await enrolOn('served-dearer')
  await using session = await agent.open()
  for (const body of [
    chat({ service_tier: 'priority' }),
    chat({ service_tier: 'something-new' }),
    chat({ service_tier: 7 }),
  ]) {
    const reply = await session.post(body)
    assert.deepEqual([reply.status, reply.code], [403, 'model.price_unknown'], reply.text)
  }
  assert.deepEqual(sentTo(agent), [])
  for (const tier of ['auto', 'default', 'flex', null]) {
    assert.equal((await session.post(chat({ service_tier: tier }))).status, 200)
  }
  const twice = {
    inputPerMillionUsd: '0.80',
    cachedInputPerMillionUsd: '0.20',
    outputPerMillionUsd: '3.20',
  }
  const priced = await enrolOn('served-dearer', { prices: { ...prices, priority: twice } })
  await using other = await priced.open()
  assert.equal((await other.post(chat({ service_tier: 'priority' }))).status, 200)
  const { budgets } = await other.detail()
  assert.equal(spentOf(budgets, 'nano_usd').settled, usualCostNanoUsd * 2)
})

test('Anthropic’s fast and regional ways of being served have no price, and are refused', async () => {
  const name = 'readings-fast'
  const baseUrl = upstream.base('wires', name)
  const model = { name: 'fake', wire: 'anthropic', baseUrl, prices, maxOutputTokens: 1000 }
  const agent = await enrol(ground, { name, limits, more: { models: [model] } })
  await using session = await agent.open()
  const path = '/v1/messages'
  for (const more of [{ speed: 'fast' }, { inference_geo: 'us' }]) {
    assert.equal((await session.post(chat(more), { path })).code, 'model.price_unknown')
  }
  for (const more of [{ speed: 'standard' }, { inference_geo: 'global' }]) {
    assert.equal((await session.post(chat(more), { path })).status, 200)
  }
})
