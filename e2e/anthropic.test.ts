// The Anthropic wire: passed through as it comes, and billed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postJson } from './harness/clients.ts'
import { enrol, standGround, type TestAgent, type TestSession } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'

const ground = await standGround()
const { upstream, server } = ground
const agent = await enrol(ground, {
  wire: 'anthropic',
  behaviour: 'anthropic',
  upstreamModel: 'claude-fake-9',
  apiKeyEnv: 'PATH',
})

const body =
  '{"model":"fake","max_tokens":50,"x_big":12345678901234567890,' +
  '"messages":[{"role":"user","content":"Hi"}]'

function ask(
  session: TestSession,
  as: TestAgent,
  text: string,
  headers: Record<string, string> = {},
) {
  return postJson(`${server.url}/s/${session.sessionKey}/v1/messages`, {
    body: text,
    headers: { 'x-api-key': as.apiKey, ...headers },
  })
}

/** 50 fresh and 40 cached prompt tokens, 20 completion tokens. */
const cost = String(50 * 400 + 40 * 100 + 20 * 1600)
const usage = { promptTokens: 90, cachedTokens: 40, completionTokens: 20 }

test('a plain message passes through and is billed', async () => {
  await using session = await agent.open()
  const reply = await ask(session, agent, `${body}}`, { 'anthropic-beta': 'tools-2026' })
  assert.equal(reply.status, 200)
  assert.equal(at(JSON.parse(reply.text), 'x_unknown'), 1)
  const asked = upstream.asked(agent.name).at(-1)
  assert.match(asked?.path ?? '', /\/v1\/messages$/)
  assert.equal(asked?.body.toString('utf8'), `${body}}`.replace('"fake"', '"claude-fake-9"'))
  assert.equal(asked?.headers['x-api-key'], process.env['PATH'])
  assert.equal(asked?.headers['anthropic-version'], '2023-06-01')
  assert.equal(asked?.headers['anthropic-beta'], 'tools-2026')
  const [call] = (await session.detail()).calls
  assert.deepEqual([call?.state, call?.usage, call?.costNanoUsd], ['done', usage, cost])
})

test('a streamed message passes through and is billed', async () => {
  await using session = await agent.open()
  const reply = await ask(session, agent, `${body},"stream":true}`)
  assert.match(reply.headers.get('content-type') ?? '', /^text\/event-stream/)
  assert.deepEqual(
    reply.text.match(/^event: .*$/gm)?.map((line) => line.slice(7)),
    [
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ],
  )
  const [call] = (await session.detail()).calls
  assert.deepEqual([call?.state, call?.usage, call?.costNanoUsd], ['done', usage, cost])
})

test('refusals have the shape of the wire, and what no endpoint serves is unknown', async () => {
  await using session = await agent.open()
  const broken = await ask(session, agent, '{"model"')
  const error: Json = JSON.parse(broken.text)
  assert.deepEqual(
    [broken.status, error['type'], broken.code],
    [400, 'error', 'request.invalid_json'],
  )
  const other = await session.post({ model: 'fake', input: 'Hi' }, { path: '/v1/embeddings' })
  assert.deepEqual([other.status, other.code], [404, 'model.unknown'])
})
