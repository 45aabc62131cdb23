// Model upstreams that misbehave in every way: each gets one clear, typed answer, and the record
// says what was used, or that it is not known.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { at } from './harness/json.ts'
import { spentOf } from './harness/record.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { upstream } = ground

const limits = { session: { calls: 99, tokens: 1_000_000 } }
const faulty = await enrol(ground, { limits, modelTimeoutMs: 1500 })

type Case = {
  readonly behaviour: string
  readonly stream: boolean
  /** Of the reply; 200 where the stream had begun. */
  readonly status: number
  readonly code: string
  readonly state: 'failed' | 'unknown'
}

const cases: readonly Case[] = [
  {
    behaviour: 'reset',
    stream: false,
    status: 502,
    code: 'upstream.interrupted',
    state: 'unknown',
  },
  {
    behaviour: 'cut-body',
    stream: false,
    status: 502,
    code: 'upstream.interrupted',
    state: 'unknown',
  },
  { behaviour: 'garbage', stream: false, status: 502, code: 'upstream.invalid', state: 'unknown' },
  {
    behaviour: 'no-completion',
    stream: false,
    status: 502,
    code: 'upstream.invalid',
    state: 'unknown',
  },
  { behaviour: 'silent', stream: false, status: 504, code: 'upstream.timeout', state: 'unknown' },
  { behaviour: 'silent', stream: true, status: 504, code: 'upstream.timeout', state: 'unknown' },
  { behaviour: 'huge', stream: false, status: 502, code: 'upstream.invalid', state: 'unknown' },
  { behaviour: 'reset', stream: true, status: 502, code: 'upstream.interrupted', state: 'unknown' },
  {
    behaviour: 'cut-stream',
    stream: true,
    status: 200,
    code: 'upstream.interrupted',
    state: 'unknown',
  },
  {
    behaviour: 'early-end',
    stream: true,
    status: 200,
    code: 'upstream.interrupted',
    state: 'unknown',
  },
  // It arrives with the event before it, and nothing was passed on yet.
  {
    behaviour: 'broken-event',
    stream: true,
    status: 502,
    code: 'upstream.invalid',
    state: 'unknown',
  },
  { behaviour: 'garbage', stream: true, status: 502, code: 'upstream.invalid', state: 'unknown' },
]

for (const { behaviour, stream, status, code, state } of cases) {
  test(`${behaviour}${stream ? ', streamed' : ''}: ${status} ${code}`, async () => {
    const modelBaseUrl = upstream.base(behaviour, faulty.name)
    await using session = await faulty.open({ modelBaseUrl })
    const reply = await session.post(chat({ stream }))
    assert.equal(reply.status, status, reply.text)
    assert.notEqual(reply.headers.get('airworthy-receipt'), null)
    if (status === 200) {
      const last = reply.text.split('\n\n').at(-2)?.slice('data: '.length) ?? ''
      assert.equal(at(JSON.parse(last), 'error.code'), code)
      assert.equal(at(JSON.parse(last), 'error.type'), 'airworthy_error')
      assert(!reply.text.includes('[DONE]'))
    } else {
      assert.equal(reply.code, code)
    }
    const { calls, budgets } = await session.detail()
    assert.deepEqual([calls[0]?.state, calls[0]?.code], [state, code])
    assert.equal(spentOf(budgets, 'calls').unknown, 1)
    assert(spentOf(budgets, 'tokens').unknown > 0)
  })
}

test('a host that does not resolve is unreachable, and has used nothing', async () => {
  await using session = await faulty.open({ modelBaseUrl: 'http://no-such-host.invalid/v1' })
  const reply = await session.post(chat())
  assert.deepEqual([reply.status, reply.code], [502, 'upstream.unreachable'])
  const { budgets } = await session.detail()
  assert.deepEqual([spentOf(budgets, 'calls').settled, spentOf(budgets, 'calls').unknown], [0, 0])
})

test('a client that leaves in the middle of a stream: the upstream is left, the use is unknown', async () => {
  const agent = await enrol(ground, { limits, behaviour: 'gated-end' })
  await using session = await agent.open()
  upstream.gate(agent.name)
  const leaving = new AbortController()
  const url = `${ground.server.url}/s/${session.sessionKey}/v1/chat/completions`
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${agent.apiKey}` },
    body: JSON.stringify(chat({ stream: true })),
    signal: leaving.signal,
  })
  const reader = response.body?.getReader()
  await reader?.read()
  leaving.abort()
  await until('the upstream to be left', () => upstream.asked(agent.name)[0]?.isGone)
  await until('the outcome', async () => {
    const { calls } = await session.detail()
    return calls[0]?.state === 'unknown' && calls[0].code === 'client.closed'
  })
  assert.equal(spentOf((await session.detail()).budgets, 'calls').unknown, 1)
})

test('a client that leaves before a plain reply leaves the upstream as well', async () => {
  const agent = await enrol(ground, { limits, behaviour: 'silent' })
  await using session = await agent.open()
  const leaving = new AbortController()
  const asking = session.post(chat(), { signal: leaving.signal })
  await until('the upstream to be asked', () => upstream.asked(agent.name).length === 1)
  leaving.abort()
  await assert.rejects(asking)
  await until('the upstream to be left', () => upstream.asked(agent.name)[0]?.isGone)
  await until('the outcome', async () => (await session.detail()).calls[0]?.state === 'unknown')
})

test('bad requests are refused before anything is recorded', async () => {
  await using session = await faulty.open()
  const bodies: readonly [string, number, string][] = [
    ['{"model":', 400, 'request.invalid_json'],
    ['', 400, 'request.invalid_json'],
    ['[]', 400, 'request.invalid'],
    ['{"messages":[]}', 400, 'request.invalid'],
    ['{"model":"fake"}', 400, 'request.invalid'],
    [`{"model":"fake","x":"${'x'.repeat(32 * 1024 * 1024)}"}`, 413, 'request.too_large'],
  ]
  for (const [body, status, code] of bodies) {
    const reply = await session.post(body)
    assert.deepEqual([reply.status, reply.code], [status, code])
    assert.equal(reply.headers.get('x-should-retry'), 'false')
  }
  assert.deepEqual((await session.detail()).calls, [])
  const unknown = await session.post(chat({ model: 'other' }))
  assert.deepEqual([unknown.status, unknown.code], [404, 'model.unknown'])
})

test('the official client does not retry what we refuse', async () => {
  const agent = await enrol(ground, { limits: { session: { calls: 1 } } })
  await using session = await agent.open()
  const ask = () =>
    session.openai.chat.completions.create({
      model: 'fake',
      messages: [{ role: 'user', content: 'Hi' }],
    })
  await ask()
  await assert.rejects(ask(), { status: 429, code: 'budget.exceeded' })
  const { calls } = await session.detail()
  assert.equal(calls.length, 2, 'one refusal, not three')
})
