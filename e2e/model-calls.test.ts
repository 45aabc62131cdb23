// Model calls, plain and streamed, on the OpenAI wire.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { asRecord, at } from './harness/json.ts'
import { usualCostNanoUsd, usualTokens } from './harness/manifest.ts'
import { streamedText, usage } from './harness/upstream-behaviours.ts'

const ground = await standGround()
const { upstream } = ground

test('the official client gets the reply, its headers lead to the record, and it is billed', async () => {
  const agent = await enrol(ground, { limits: { session: { calls: 9, moneyUsd: '1' } } })
  await using session = await agent.open()
  const { data, response } = await session.openai.chat.completions
    .create({ model: 'fake', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 50 })
    .withResponse()
  assert.equal(data.choices[0]?.message.content, 'Hello')
  assert.equal(response.headers.get('airworthy-decision'), 'allow')
  assert.equal(response.headers.get('airworthy-cost-nano-usd'), String(usualCostNanoUsd))
  const callId = response.headers.get('airworthy-call') ?? ''
  const call = await ground.server.client.getCall(callId)
  assert.equal(call.state, 'done')
  assert.equal(call.costNanoUsd, String(usualCostNanoUsd))
  assert.deepEqual(call.usage, { promptTokens: 100, cachedTokens: 40, completionTokens: 20 })
  const { session: row } = await session.detail()
  assert.equal(row.facts.tokens, usualTokens)
  assert.equal(row.facts.spentNanoUsd, String(usualCostNanoUsd))
})

test('what the client sends reaches the upstream byte for byte, unknown fields and all', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const body =
    '{ "x_big": 12345678901234567890, "model":"fake","x_float":1.0,\n "messages":[{"role":"user",' +
    '"content":"\\u00e4 \\ud83d\\ude00","x_part":{"b":1,"a":[null]}}],"max_tokens":50 }'
  const reply = await session.post(body)
  assert.equal(reply.status, 200)
  assert.equal(upstream.asked(agent.name)[0]?.body.toString('utf8'), body)
})

test('a stream that must ask for usage changes nothing else of the body', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const fields =
    '"x_big":12345678901234567890,"model":"fake","stream":true,"x_float":1.0,' +
    '"messages":[{"role":"user","content":"\\u00e4"}],"max_tokens":50'
  assert.equal((await session.post(`{${fields}}`)).status, 200)
  assert.equal((await session.post(`{${fields},"stream_options":{"x":1.0}}`)).status, 200)
  const bodies = upstream.asked(agent.name).map((asked) => asked.body.toString('utf8'))
  for (const body of bodies) assert(body.includes(fields), body)
  assert.deepEqual(
    bodies.map((body) => at(JSON.parse(body), 'stream_options')),
    [{ include_usage: true }, { x: 1, include_usage: true }],
  )
})

test('the upstream gets its own model name and its own key, and none of the agent’s headers', async () => {
  const agent = await enrol(ground, { upstreamModel: 'big-model-7', apiKeyEnv: 'PATH' })
  await using session = await agent.open()
  const reply = await session.post(chat({ x_float: 7 }), { headers: { 'x-secret': 'agent' } })
  assert.equal(reply.status, 200)
  const [asked] = upstream.asked(agent.name)
  assert.equal(at(JSON.parse(asked?.body.toString('utf8') ?? ''), 'model'), 'big-model-7')
  assert.equal(asked?.headers.authorization, `Bearer ${process.env['PATH']}`)
  assert.equal(asked?.headers['x-secret'], undefined)
})

test('what the upstream answers reaches the client byte for byte, unknown fields and all', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const reply = await session.post(chat())
  assert.deepEqual(at(JSON.parse(reply.text), 'x_unknown'), { kept: [1, 'ä', null] })
})

test('the usage event of a stream is withheld from a client that did not ask for it', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const plain = await session.post(chat({ stream: true }))
  assert.equal(plain.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  assert.equal(streamedText(plain.text), 'Hello')
  assert(!plain.text.includes('"usage"'))
  assert(plain.text.endsWith('data: [DONE]\n\n'))
  const asked = await session.post(chat({ stream: true, stream_options: { include_usage: true } }))
  const last = asked.text.split('\n\n').at(-3)?.slice(6) ?? ''
  assert.deepEqual(at(JSON.parse(last), 'usage'), usage)
  const { calls } = await session.detail()
  assert.deepEqual(
    calls.map((call) => [call.state, call.costNanoUsd]),
    [
      ['done', String(usualCostNanoUsd)],
      ['done', String(usualCostNanoUsd)],
    ],
  )
})

test('the official client streams', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const stream = await session.openai.chat.completions.create({
    model: 'fake',
    messages: [{ role: 'user', content: 'Hi' }],
    stream: true,
  })
  let text = ''
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
  assert.equal(text, 'Hello')
})

test('an error of the upstream goes to the client as it is, and costs no tokens', async () => {
  const agent = await enrol(ground, { limits: { session: { calls: 9, tokens: 100_000 } } })
  for (const status of [400, 429, 500, 503]) {
    const modelBaseUrl = upstream.base(`refuse-${status}`, agent.name)
    await using session = await agent.open({ modelBaseUrl })
    const reply = await session.post(chat())
    assert.equal(reply.status, status)
    assert.equal(asRecord(JSON.parse(reply.text))['error'] !== undefined, true)
    assert.equal(reply.code, 'fake_fault')
    if (status === 429) assert.equal(reply.headers.get('retry-after'), '7')
    const { calls, session: row } = await session.detail()
    assert.deepEqual([calls[0]?.state, calls[0]?.code], ['failed', 'upstream.refused'])
    assert.equal(row.facts.tokens, 0)
  }
})

test('the models of the pact are listed', async () => {
  const agent = await enrol(ground)
  const listed = await fetch(`${ground.server.url}/v1/models`, {
    headers: { authorization: `Bearer ${agent.apiKey}` },
  })
  const body: unknown = await listed.json()
  assert.equal(at(body, 'data.0.id'), 'fake')
})
