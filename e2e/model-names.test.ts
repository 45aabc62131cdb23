// Names of models as hubs give them, with slashes and colons, in every place where one may stand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { prices } from './harness/manifest.ts'

const ground = await standGround()
const { upstream, server } = ground

test('a name with slashes is asked, listed, found and sent as it is', async () => {
  const name = 'meta-llama/llama-3.3-70b:free'
  const baseUrl = upstream.base('wires', 'names')
  const model = { name, wire: 'openai', baseUrl, prices, maxOutputTokens: 1000 }
  const agent = await enrol(ground, { name: 'names', more: { models: [model] } })
  await using session = await agent.open()
  assert.equal((await session.post(chat({ model: name }))).status, 200)
  assert.match(
    upstream.asked('names')[0]?.body.toString() ?? '',
    /"meta-llama\/llama-3\.3-70b:free"/,
  )
  const listed = await session.openai.models.list()
  assert.deepEqual(
    listed.data.map((each) => each.id),
    [name],
  )
  assert.equal((await session.openai.models.retrieve(name)).id, name)
  // As a client has it that encodes nothing.
  const raw = await fetch(`${server.url}/s/${session.sessionKey}/v1/models/${name}`, {
    headers: { authorization: `Bearer ${agent.apiKey}` },
  })
  assert.equal(raw.status, 200)
  await raw.body?.cancel()
  for (const other of ['meta-llama', 'a%', '100%25']) {
    await assert.rejects(session.openai.models.retrieve(other), { status: 404 })
  }
})
