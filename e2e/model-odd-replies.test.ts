// What upstreams, and proxies in front of them, answer in no shape of the wire: an official client
// reads an error only where it is one, and JSON only where the reply says that it is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { prices } from './harness/manifest.ts'

const ground = await standGround()

async function ask(behaviour: string): Promise<{ status: number; type: string; body: unknown }> {
  const name = `odd-${behaviour}`
  const baseUrl = ground.upstream.base(behaviour, name)
  const model: Json = { name: 'fake', wire: 'openai', baseUrl, prices, maxOutputTokens: 1000 }
  const limits = { session: { calls: 50, tokens: 1_000_000 } }
  const agent = await enrol(ground, { name, limits, more: { models: [model] } })
  await using session = await agent.open()
  const reply = await session.post(chat())
  const type = reply.headers.get('content-type') ?? ''
  return { status: reply.status, type, body: JSON.parse(reply.text) }
}

for (const [behaviour, status, message] of [
  ['refuse-page', 502, 'the upstream answered 502'],
  ['refuse-list', 400, 'a fake list'],
  ['refuse-reply', 500, 'the upstream answered 500'],
] as const) {
  test(`${behaviour}: the client gets the status, and an error in the shape of its wire`, async () => {
    const reply = await ask(behaviour)
    assert.equal(reply.status, status)
    assert.match(reply.type, /^application\/json/)
    assert.equal(at(reply.body, 'error.message'), message)
    assert.equal(typeof at(reply.body, 'error.type'), 'string')
  })
}

test('a reply that is JSON says so, whatever the upstream said', async () => {
  const reply = await ask('plain-type')
  assert.equal(reply.status, 200)
  assert.match(reply.type, /^application\/json/)
  assert.equal(at(reply.body, 'choices.0.message.content'), 'Hello')
})

test('a redirection is followed by nobody: neither by the gateway nor by its client', async () => {
  const reply = await ask('moved')
  assert.equal(reply.status, 502)
  assert.equal(at(reply.body, 'error.message'), 'the upstream answered 302')
})

const endpoints: readonly Json[] = [
  { wire: 'openai', apis: ['chat'] },
  { wire: 'openai', apis: ['responses'] },
  { wire: 'anthropic', apis: ['messages'] },
]

for (const endpoint of endpoints) {
  const api = String(at(endpoint, 'apis.0'))
  test(`a whole ${api} reply to who asked for a stream becomes a stream of the client’s wire`, async () => {
    const name = `whole-${api}`
    const baseUrl = ground.upstream.base('whole', name)
    const model = { name: 'fake', ...endpoint, baseUrl, prices, maxOutputTokens: 1000 }
    const limits = { session: { calls: 50, tokens: 1_000_000 } }
    const agent = await enrol(ground, { name, limits, more: { models: [model] } })
    await using session = await agent.open()
    const stream = await session.openai.chat.completions.create({
      model: 'fake',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    let told: number | undefined
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? ''
      told = chunk.usage?.total_tokens ?? told
    }
    assert.deepEqual([text, told], ['Hello', 120])
    const responses = session.openai.responses.stream({ model: 'fake', input: 'Hi' })
    assert.equal((await responses.finalResponse()).output_text, 'Hello')
    const { calls } = await session.detail()
    assert.deepEqual(
      calls.map((call) => [call.state, call.usage?.completionTokens]),
      [
        ['done', 20],
        ['done', 20],
      ],
    )
  })
}
