// Every wire in, on every wire out: whole, streamed, and with tools; with the usage of each billed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enrol, standGround, type TestAgent, type TestSession } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { prices } from './harness/manifest.ts'

const ground = await standGround()
const { upstream, server } = ground

type Upstream = { readonly wire: 'openai' | 'anthropic'; readonly apis: readonly string[] }

const upstreams: readonly Upstream[] = [
  { wire: 'openai', apis: ['chat'] },
  { wire: 'openai', apis: ['responses'] },
  { wire: 'anthropic', apis: ['messages'] },
]

let enrolled = 0

function enrolOn({ wire, apis }: Upstream, more: Json = {}): Promise<TestAgent> {
  enrolled += 1
  const name = `wires-${apis.join('-')}-${enrolled}`
  const endpoint = { name: 'one', wire, apis, baseUrl: upstream.base('wires', name) }
  const model = { name: 'fake', endpoints: [endpoint], prices, maxOutputTokens: 1000, ...more }
  return enrol(ground, { name, more: { models: [model] }, drift: { tools: 'record' } })
}

const parameters = { type: 'object', properties: { a: { type: 'integer' } } }

/** What each client sends, and how it reads text and tool calls of what it gets. */
const clients = {
  chat: {
    path: '/v1/chat/completions',
    body: { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 50 },
    tools: [{ type: 'function', function: { name: 'get_order', parameters } }],
    text: (reply: unknown) => at(reply, 'choices.0.message.content'),
    tool: (reply: unknown) => [
      at(reply, 'choices.0.message.tool_calls.0.function.name'),
      at(reply, 'choices.0.message.tool_calls.0.function.arguments'),
    ],
    usage: (reply: unknown) => [
      at(reply, 'usage.prompt_tokens'),
      at(reply, 'usage.completion_tokens'),
    ],
  },
  responses: {
    path: '/v1/responses',
    body: { input: 'Hi', max_output_tokens: 50 },
    tools: [{ type: 'function', name: 'get_order', parameters, strict: false }],
    text: (reply: unknown) => at(reply, 'output.0.content.0.text'),
    tool: (reply: unknown) => [at(reply, 'output.0.name'), at(reply, 'output.0.arguments')],
    usage: (reply: unknown) => [at(reply, 'usage.input_tokens'), at(reply, 'usage.output_tokens')],
  },
  messages: {
    path: '/v1/messages',
    body: { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 50 },
    tools: [{ name: 'get_order', input_schema: parameters }],
    text: (reply: unknown) => at(reply, 'content.0.text'),
    tool: (reply: unknown) => [
      at(reply, 'content.0.name'),
      JSON.stringify(at(reply, 'content.0.input')),
    ],
    usage: (reply: unknown) => [
      Number(at(reply, 'usage.input_tokens')) +
        Number(at(reply, 'usage.cache_read_input_tokens') ?? 0) +
        Number(at(reply, 'usage.cache_creation_input_tokens') ?? 0),
      at(reply, 'usage.output_tokens'),
    ],
  },
} as const

async function lastCall(session: TestSession) {
  const { calls } = await session.detail()
  assert(calls[0] !== undefined)
  return calls[0]
}

for (const upstreamKind of upstreams) {
  const agent = await enrolOn(upstreamKind)
  for (const [api, client] of Object.entries(clients)) {
    const name = `${api} in, ${upstreamKind.apis.join()} out`
    test(`${name}: a reply, its tool calls, and what they cost`, async () => {
      await using session = await agent.open()
      const plain = await session.post({ model: 'fake', ...client.body }, { path: client.path })
      assert.equal(plain.status, 200, plain.text)
      const reply: unknown = JSON.parse(plain.text)
      assert.equal(client.text(reply), 'Hello')
      assert.deepEqual(client.usage(reply), [100, 20])
      assert.equal(plain.headers.get('airworthy-endpoint'), 'one')
      assert.equal(plain.headers.get('airworthy-attempts'), '1')
      assert.equal(plain.headers.get('x-request-id'), 'req-1')
      assert.equal(plain.headers.get('x-ratelimit-remaining-requests'), '9')
      assert.equal(plain.headers.get('x-secret'), null)
      const call = await lastCall(session)
      assert.deepEqual(
        [call.state, call.usage?.promptTokens, call.usage?.completionTokens],
        ['done', 100, 20],
      )
      const asked = await session.post(
        { model: 'fake', ...client.body, tools: client.tools },
        { path: client.path },
      )
      assert.deepEqual(client.tool(JSON.parse(asked.text)), ['get_order', '{"a":1}'], asked.text)
    })

    test(`${name}: a stream ends as its wire ends one, and is billed`, async () => {
      await using session = await agent.open()
      for (const tools of [undefined, client.tools]) {
        const body = { model: 'fake', ...client.body, stream: true, ...(tools ? { tools } : {}) }
        const reply = await session.post(body, { path: client.path })
        assert.equal(reply.status, 200, reply.text)
        assert.match(reply.headers.get('content-type') ?? '', /^text\/event-stream/)
        const last = reply.text.trimEnd().split('\n\n').at(-1) ?? ''
        const end = {
          chat: 'data: [DONE]',
          responses: 'response.completed',
          messages: 'message_stop',
        }
        assert(last.includes(Object.entries(end).find(([wire]) => wire === api)?.[1] ?? '?'), last)
        if (tools !== undefined) assert(reply.text.includes('get_order'), reply.text)
        assert((await lastCall(session)).state === 'done')
      }
    })
  }
}

test('OpenAI’s own client is served by Anthropic’s wire', async () => {
  const agent = await enrolOn({ wire: 'anthropic', apis: ['messages'] })
  await using session = await agent.open()
  const streamed = await session.openai.chat.completions.create({
    model: 'fake',
    messages: [{ role: 'user', content: 'Hi' }],
    stream: true,
    stream_options: { include_usage: true },
  })
  let text = ''
  let tokens = 0
  for await (const part of streamed) {
    text += part.choices[0]?.delta.content ?? ''
    tokens = part.usage?.total_tokens ?? tokens
  }
  assert.deepEqual([text, tokens], ['Hello', 120])
  const response = await session.openai.responses.create({ model: 'fake', input: 'Hi' })
  assert.equal(response.output_text, 'Hello')
})

test('what another wire has no place for is refused by name, before anything is sent', async () => {
  const agent = await enrolOn({ wire: 'anthropic', apis: ['messages'] }, { timeoutMs: 5000 })
  await using session = await agent.open()
  const reply = await session.post({ model: 'fake', ...clients.chat.body, logprobs: true })
  assert.deepEqual([reply.status, reply.code], [400, 'request.untranslatable'])
  assert.match(reply.text, /logprobs/)
  assert.equal(upstream.asked(agent.name).length, 0)
  assert.equal((await lastCall(session)).state, 'failed')
})

test('state that the provider keeps is refused by name', async () => {
  const agent = await enrolOn({ wire: 'openai', apis: ['responses'] }, { idleTimeoutMs: 5000 })
  await using session = await agent.open()
  for (const more of [
    { previous_response_id: 'resp_1' },
    { background: true },
    { conversation: 'conv_1' },
    { input: [{ type: 'item_reference', id: 'msg_1' }] },
  ]) {
    const body = { model: 'fake', input: 'Hi', ...more }
    const reply = await session.post(body, { path: '/v1/responses' })
    assert.deepEqual([reply.status, reply.code], [400, 'request.unsupported'])
  }
  const stored = await fetch(`${server.url}/s/${session.sessionKey}/v1/responses/resp_1`)
  assert.equal(stored.status, 400)
  assert.equal(upstream.asked(agent.name).length, 0)
})

test('embeddings: prompt tokens alone are held and billed, for texts and for tokens', async () => {
  const agent = await enrolOn({ wire: 'openai', apis: ['embeddings'] })
  await using session = await agent.open()
  for (const input of ['Hi', ['Hi', 'there'], [1, 2, 3], [[1], [2, 3]]]) {
    const reply = await session.post({ model: 'fake', input }, { path: '/v1/embeddings' })
    assert.equal(reply.status, 200, reply.text)
    assert.equal(reply.headers.get('airworthy-cost-nano-usd'), String(7 * 400))
  }
  const call = await lastCall(session)
  assert.deepEqual([call.usage?.promptTokens, call.usage?.completionTokens], [7, 0])
  const bad = await session.post({ model: 'fake', input: { a: 1 } }, { path: '/v1/embeddings' })
  assert.deepEqual([bad.status, bad.code], [400, 'request.invalid'])
  const chatted = await session.post({ model: 'fake', ...clients.chat.body })
  assert.deepEqual([chatted.status, chatted.code], [404, 'model.unknown'])
})

test('tokens are counted by the provider, or here where the manifest names the tokenizer', async () => {
  const path = '/v1/messages/count_tokens'
  const { max_tokens: _, ...body } = { model: 'fake', ...clients.messages.body }
  const native = await enrolOn({ wire: 'anthropic', apis: ['messages'] }, { balance: 'weighted' })
  await using onNative = await native.open()
  const counted = await onNative.post(body, { path })
  assert.deepEqual([counted.status, counted.text], [200, '{"input_tokens":42}'])
  const call = await lastCall(onNative)
  assert.deepEqual([call.state, call.costNanoUsd], ['done', '0'])
  const exact = await enrolOn({ wire: 'openai', apis: ['chat'] }, { tokenizer: 'o200k_base' })
  await using onExact = await exact.open()
  const here = await onExact.post(body, { path })
  assert.equal(here.status, 200, here.text)
  const tokens = at(JSON.parse(here.text), 'input_tokens')
  assert(typeof tokens === 'number' && tokens > 1 && tokens <= JSON.stringify(body).length)
  assert.equal(upstream.asked(exact.name).length, 0)
  const other = await enrolOn({ wire: 'openai', apis: ['chat'] })
  await using onOther = await other.open()
  assert.equal((await onOther.post(body, { path })).code, 'model.unknown')
})

test('models are listed in the shape of the client’s wire', async () => {
  const agent = await enrolOn({ wire: 'openai', apis: ['chat'] })
  await using session = await agent.open()
  const listed = await session.openai.models.list()
  assert.deepEqual(
    listed.data.map((model) => model.id),
    ['fake'],
  )
  assert.equal((await session.openai.models.retrieve('fake')).id, 'fake')
  await assert.rejects(session.openai.models.retrieve('other'), { status: 404 })
  const headers = { authorization: `Bearer ${agent.apiKey}`, 'anthropic-version': '2023-06-01' }
  const base = `${server.url}/s/${session.sessionKey}/v1/models`
  const models: unknown = await (await fetch(base, { headers })).json()
  assert.deepEqual(
    [at(models, 'data.0.type'), at(models, 'data.0.id'), at(models, 'has_more')],
    ['model', 'fake', false],
  )
  const one: unknown = await (await fetch(`${base}/fake`, { headers })).json()
  assert.equal(at(one, 'display_name'), 'fake')
  const none: unknown = await (await fetch(`${base}/other`, { headers })).json()
  assert.deepEqual([at(none, 'type'), at(none, 'error.code')], ['error', 'model.unknown'])
})

test('a held call is executed on its own wire, and its repeat hears it on that', async () => {
  enrolled += 1
  const name = `wires-held-${enrolled}`
  const endpoint = { name: 'one', wire: 'anthropic', baseUrl: upstream.base('wires', name) }
  const agent = await enrol(ground, {
    name,
    rules: [{ id: 'ask', effect: 'hold', models: ['fake'], when: 'true' }],
    more: { models: [{ name: 'fake', endpoints: [endpoint], prices, maxOutputTokens: 1000 }] },
  })
  await using session = await agent.open()
  for (const [path, body, end] of [
    ['/v1/responses', { input: 'Hi' }, /"object":"response"/],
    ['/v1/responses', { input: 'Hi', stream: true }, /response\.completed/],
    ['/v1/chat/completions', clients.chat.body, /"object":"chat\.completion"/],
    ['/v1/messages', clients.messages.body, /"type":"message"/],
  ] as const) {
    const held = await session.post({ model: 'fake', ...body }, { path })
    assert.deepEqual([held.status, held.code], [409, 'call.held'], held.text)
    const id = String(at(JSON.parse(held.text), 'error.detail.id'))
    const { call } = await server.client.approveHold(id)
    assert.equal(call.state, 'done', path)
    const repeat = await session.post({ model: 'fake', ...body }, { path })
    assert.equal(repeat.headers.get('airworthy-repeat-of'), call.id)
    assert.match(repeat.text, end)
  }
  const counted = await session.post(
    { model: 'fake', messages: [] },
    { path: '/v1/messages/count_tokens' },
  )
  assert.deepEqual([counted.status, counted.code], [403, 'policy.denied'])
})
