// A model call and a budget that has little left: the completion is cut, a stream that ignores that
// is ended, another model is asked, the prompt is counted; and only then it is refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround, type TestAgent } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { prices } from './harness/manifest.ts'
import { spentOf } from './harness/record.ts'

const ground = await standGround()
const { upstream } = ground

let enrolled = 0

async function enrolModels(
  limits: Json,
  more: Json = {},
  options: { behaviour?: string; others?: readonly Json[] } = {},
): Promise<TestAgent> {
  enrolled += 1
  const name = `short-${enrolled}`
  const baseUrl = upstream.base(options.behaviour ?? 'wires', name)
  const model = { name: 'fake', wire: 'openai', baseUrl, prices, maxOutputTokens: 1000, ...more }
  const others = (options.others ?? []).map((other) => ({
    wire: 'openai',
    baseUrl,
    prices,
    maxOutputTokens: 1000,
    ...other,
  }))
  return enrol(ground, { name, limits, more: { models: [model, ...others] } })
}

function sizeOf(body: Json): number {
  return Buffer.byteLength(JSON.stringify(body))
}

const asked = (agent: TestAgent): unknown =>
  JSON.parse(upstream.asked(agent.name).at(-1)?.body.toString('utf8') ?? 'null')

test('what is left of a budget cuts the completion, in the field that the client uses', async () => {
  for (const [more, field] of [
    [{ max_tokens: 500 }, 'max_tokens'],
    [{ max_tokens: undefined, max_completion_tokens: 500 }, 'max_completion_tokens'],
    [{ max_tokens: undefined }, 'max_tokens'],
  ] as const) {
    const body = chat(more)
    const agent = await enrolModels({ session: { tokens: sizeOf(body) + 100 } })
    await using session = await agent.open()
    const reply = await session.post(body)
    assert.equal(reply.status, 200, reply.text)
    assert.equal(at(asked(agent), field), 100)
  }
})

test('below the least that the manifest wants the call is refused', async () => {
  const body = chat({ max_tokens: 500 })
  const agent = await enrolModels({ session: { tokens: sizeOf(body) + 63 } })
  await using session = await agent.open()
  assert.equal((await session.post(body)).code, 'budget.exceeded')
  const patient = await enrolModels(
    { session: { tokens: sizeOf(body) + 63 } },
    { minOutputTokens: 10 },
  )
  await using other = await patient.open()
  assert.equal((await other.post(body)).status, 200)
  assert.equal(at(asked(patient), 'max_tokens'), 63)
})

test('a cut is in the body on the other wire, too', async () => {
  const body = { model: 'fake', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 500 }
  const agent = await enrolModels({ session: { tokens: sizeOf(body) + 100 } })
  await using session = await agent.open()
  const reply = await session.post(body, { path: '/v1/messages' })
  assert.equal(reply.status, 200, reply.text)
  const sent = asked(agent)
  assert.equal(at(sent, 'max_tokens') ?? at(sent, 'max_completion_tokens'), 100)
})

test('a stream that goes on past what was held for it is ended, and what it said is billed', async () => {
  const body = chat({ max_tokens: 100, stream: true })
  const agent = await enrolModels(
    { session: { tokens: 100_000 } },
    { tokenizer: 'o200k_base' },
    { behaviour: 'talk-long' },
  )
  await using session = await agent.open()
  const reply = await session.post(body)
  assert.equal(reply.status, 200)
  const last = reply.text.trimEnd().split('\n\n').at(-1)?.slice('data: '.length) ?? ''
  assert.equal(at(JSON.parse(last), 'error.code'), 'budget.exceeded')
  const { calls, budgets } = await session.detail()
  assert.deepEqual([calls[0]?.state, calls[0]?.code], ['unknown', 'budget.exceeded'])
  const tokens = spentOf(budgets, 'tokens')
  assert(tokens.settled >= 100, `${tokens.settled} tokens are settled`)
})

test('a stream within what was held is never ended, whatever its events look like', async () => {
  const agent = await enrolModels(
    { session: { tokens: 100_000 } },
    { tokenizer: 'o200k_base' },
    { behaviour: 'talk-on' },
  )
  await using session = await agent.open()
  const reply = await session.post(chat({ max_tokens: 400, stream: true }))
  assert(reply.text.includes('[DONE]'), reply.text.slice(-200))
})

test('another model takes the call where the manifest says so', async () => {
  const body = chat({ max_tokens: 500 })
  const cheap = {
    name: 'cheap',
    upstreamModel: 'cheap-1',
    prices: { inputPerMillionUsd: '0.001', outputPerMillionUsd: '0.001' },
  }
  const agent = await enrolModels(
    { session: { moneyUsd: '0.00005' } },
    { onBudget: { redirect: 'cheap' } },
    { others: [cheap] },
  )
  await using session = await agent.open()
  const reply = await session.post(body)
  assert.equal(reply.status, 200, reply.text)
  assert.equal(reply.headers.get('airworthy-model'), 'cheap')
  assert.equal(at(asked(agent), 'model'), 'cheap-1')
  const { calls } = await session.detail()
  assert.equal(calls[0]?.action, 'cheap')
})

test('a prompt is counted before its call is refused', async () => {
  const body = chat({ max_tokens: 50, messages: [{ role: 'user', content: 'word '.repeat(400) }] })
  const limits = { session: { tokens: 1000 } }
  const bytes = await enrolModels(limits)
  await using refused = await bytes.open()
  assert.equal((await refused.post(body)).code, 'budget.exceeded')
  const exact = await enrolModels(limits, { tokenizer: 'o200k_base' })
  await using session = await exact.open()
  assert.equal((await session.post(body)).status, 200)
})

test('a part whose tokens are not in the body needs a bound, where tokens are limited', async () => {
  const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }
  const body = chat({ messages: [{ role: 'user', content: [image] }] })
  const limits = { session: { tokens: 20_000 } }
  const unbounded = await enrolModels(limits)
  await using refused = await unbounded.open()
  const reply = await refused.post(body)
  assert.equal(reply.code, 'budget.exceeded')
  assert.match(reply.text, /image by its URL/)
  const bounded = await enrolModels(limits, { contextTokens: 8000 })
  await using session = await bounded.open()
  assert.equal((await session.post(body)).status, 200)
  const unlimited = await enrolModels({})
  await using free = await unlimited.open()
  assert.equal((await free.post(body)).status, 200)
})
