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
