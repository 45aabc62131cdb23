// Attempts of a model call: another endpoint takes what one refused, never after the first byte,
// never for nothing when it may have been billed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround, type TestAgent } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { prices } from './harness/manifest.ts'
import { spentOf } from './harness/record.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { upstream } = ground

let enrolled = 0
const limits = { session: { calls: 50, tokens: 1_000_000 } }

/** An agent whose endpoints, one a tier, behave so: `gone` is where nobody listens. */
async function enrolPool(
  behaviours: readonly string[],
  more: Json = {},
  manifest: { limits?: Json } = {},
): Promise<TestAgent> {
  enrolled += 1
  const name = `pool-${enrolled}`
  const endpoints = behaviours.map((behaviour, tier) => ({
    name: `e${tier}`,
    wire: behaviour.startsWith('messages:') ? 'anthropic' : 'openai',
    baseUrl:
      behaviour === 'gone'
        ? 'http://127.0.0.1:1/v1'
        : upstream.base(behaviour.replace('messages:', ''), name),
    tier,
  }))
  const model = {
    name: 'fake',
    endpoints,
    prices,
    maxOutputTokens: 1000,
    retries: { baseDelayMs: 5, maxDelayMs: 20 },
    timeoutMs: 10_000,
    ...more,
  }
  return enrol(ground, { name, limits, ...manifest, more: { models: [model] } })
}

function behavioursAsked(agent: TestAgent): string[] {
  return upstream.asked(agent.name).map((asked) => asked.behaviour)
}

for (const first of ['refuse-500', 'refuse-503', 'refuse-429', 'gone']) {
  for (const stream of [false, true]) {
    test(`${first}: the next endpoint answers the same call${stream ? ', streamed' : ''}`, async () => {
      const agent = await enrolPool([first, 'wires'])
      await using session = await agent.open()
      const reply = await session.post(chat({ stream }))
      assert.equal(reply.status, 200, reply.text)
      assert(stream ? reply.text.includes('[DONE]') : reply.text.includes('Hello'))
      assert.equal(reply.headers.get('airworthy-endpoint'), 'e1')
      assert.equal(reply.headers.get('airworthy-attempts'), '2')
      const { calls, budgets } = await session.detail()
      assert.deepEqual(
        calls.map((call) => call.state),
        ['done'],
      )
      assert.equal(spentOf(budgets, 'calls').settled, 1)
      assert.equal(spentOf(budgets, 'tokens').unknown, 0)
    })
  }
}

test('one endpoint that is busy is asked again, and the last refusal goes to the client whole', async () => {
  const agent = await enrolPool(['refuse-429'], {
    retries: { attempts: 2, baseDelayMs: 5, retryAfterMaxMs: 1 },
  })
  await using session = await agent.open()
  const reply = await session.post(chat())
  // It asks for 7 s, and that is longer than anybody here waits.
  assert.equal(reply.status, 429)
  assert.equal(reply.headers.get('retry-after'), '7')
  assert.equal(at(JSON.parse(reply.text), 'error.code'), 'fake_fault')
  assert.deepEqual(behavioursAsked(agent), ['refuse-429'])
  const other = await enrolPool(['refuse-500'], { retries: { attempts: 3, baseDelayMs: 5 } })
  await using again = await other.open()
  assert.equal((await again.post(chat())).status, 500)
  assert.deepEqual(behavioursAsked(other), ['refuse-500', 'refuse-500', 'refuse-500'])
  const { calls } = await again.detail()
  assert.deepEqual([calls.length, calls[0]?.code], [1, 'upstream.refused'])
})

test('Retry-After as a date is waited for', async () => {
  const agent = await enrolPool(['busy-date'], { retries: { attempts: 2, baseDelayMs: 1 } })
  await using session = await agent.open()
  const startedMs = performance.now()
  assert.equal((await session.post(chat())).status, 503)
  assert.equal(behavioursAsked(agent).length, 2)
  // A date has whole seconds: of the one that was asked for, some part is left.
  assert(performance.now() - startedMs >= 1)
})

test('a request that is wrong is not tried again', async () => {
  const agent = await enrolPool(['refuse-400', 'wires'])
  await using session = await agent.open()
  assert.equal((await session.post(chat())).status, 400)
  assert.deepEqual(behavioursAsked(agent), ['refuse-400'])
})

test('an error of an upstream of the other wire is told in the client’s shape', async () => {
  const agent = await enrolPool(['messages:refuse-429'], { retries: { attempts: 1 } })
  await using session = await agent.open()
  const reply = await session.post(chat())
  assert.equal(reply.status, 429)
  assert.deepEqual(
    [at(JSON.parse(reply.text), 'error.type'), at(JSON.parse(reply.text), 'error.message')],
    ['rate_limit_error', 'a fake 429'],
  )
  assert.equal(reply.headers.get('retry-after'), '7')
})

for (const [first, stream] of [
  ['reset', false],
  ['reset', true],
  ['cut-body', false],
  ['garbage', false],
  ['cut-early', true],
  ['fail-first', true],
] as const) {
  test(`${first}${stream ? ', streamed' : ''}: what may be billed stays held, and another call is made`, async () => {
    const agent = await enrolPool([first, 'wires'])
    await using session = await agent.open()
    const body = JSON.stringify(chat({ stream }))
    const reply = await session.post(body)
    assert.equal(reply.status, 200, reply.text)
    assert.equal(reply.headers.get('airworthy-endpoint'), 'e1')
    const { calls, budgets } = await session.detail()
    assert.deepEqual(calls.map((call) => call.state).toSorted(), ['done', 'unknown'])
    const done = calls.find((call) => call.state === 'done')
    assert.equal(reply.headers.get('airworthy-call'), done?.id)
    assert.equal(spentOf(budgets, 'calls').unknown, 1)
    assert.equal(spentOf(budgets, 'tokens').unknown, Buffer.byteLength(body) + 50)
    const found = await ground.database.query<{ entry: Buffer }>(
      'SELECT entry FROM airworthy.entries',
    )
    const links = found.rows
      .map(({ entry }): unknown => JSON.parse(entry.toString('utf8')))
      .filter((entry) => at(entry, 'call') === done?.id)
    const before = calls.find((call) => call.state === 'unknown')?.id ?? '?'
    assert(JSON.stringify(links).includes(before), 'the record links the two')
  })
}

test('an ambiguous failure is not tried again where the budget has no room for both', async () => {
  const size = Buffer.byteLength(JSON.stringify(chat()))
  const agent = await enrolPool(
    ['reset', 'wires'],
    {},
    { limits: { session: { tokens: size + 60 } } },
  )
  await using session = await agent.open()
  const reply = await session.post(chat())
  assert.deepEqual([reply.status, reply.code], [502, 'upstream.interrupted'])
  assert.deepEqual(behavioursAsked(agent), ['reset'])
  const { calls } = await session.detail()
  assert.deepEqual(calls.map((call) => call.state).toSorted(), ['denied', 'unknown'])
})

for (const cut of ['cut-late', 'fail-late']) {
  for (const [path, upstreamWire] of [
    ['/v1/chat/completions', ''],
    ['/v1/messages', 'messages:'],
    ['/v1/chat/completions', 'messages:'],
    ['/v1/messages', ''],
  ] as const) {
    test(`${cut}: ${path} on ${upstreamWire || 'chat'} ends in the wire’s own error, never spliced`, async () => {
      const agent = await enrolPool([`${upstreamWire}${cut}`, `${upstreamWire}wires`])
      await using session = await agent.open()
      const reply = await session.post(chat({ stream: true }), { path })
      assert.equal(reply.status, 200, reply.text)
      assert.equal(reply.headers.get('airworthy-endpoint'), 'e0')
      const last = reply.text.trimEnd().split('\n\n').at(-1) ?? ''
      const data: unknown = JSON.parse(last.slice(last.indexOf('data: ') + 6))
      assert.equal(typeof at(data, 'error.message'), 'string', last)
      if (path === '/v1/messages') assert.equal(at(data, 'type'), 'error')
      assert(!reply.text.includes('[DONE]') && !reply.text.includes('message_stop'))
      assert.deepEqual(behavioursAsked(agent).length, 1)
      const { calls, budgets } = await session.detail()
      assert.deepEqual(
        calls.map((call) => call.state),
        ['unknown'],
      )
      const tokens = spentOf(budgets, 'tokens')
      assert(tokens.settled > 0, 'what was told or counted is billed')
      assert(tokens.unknown > 0, 'the rest is not known')
    })
  }
}

test('a client that leaves between attempts ends them', async () => {
  const agent = await enrolPool(['refuse-500'], {
    retries: { attempts: 10, baseDelayMs: 60_000, maxDelayMs: 60_000 },
    timeoutMs: 600_000,
  })
  await using session = await agent.open()
  const leaving = new AbortController()
  const asking = session.post(chat(), { signal: leaving.signal })
  await until('the first attempt', () => upstream.asked(agent.name).length > 0)
  leaving.abort()
  await assert.rejects(asking)
  await until('the outcome', async () => (await session.detail()).calls[0]?.state === 'failed')
})

test('silence within a stream ends it', async () => {
  const agent = await enrolPool(['gated-end'], { idleTimeoutMs: 1200, retries: { attempts: 1 } })
  await using session = await agent.open()
  upstream.gate(agent.name)
  const reply = await session.post(chat({ stream: true }))
  assert.equal(reply.status, 200)
  const last = reply.text.split('\n\n').at(-2)?.slice('data: '.length) ?? ''
  assert.equal(at(JSON.parse(last), 'error.code'), 'upstream.timeout')
  assert.equal((await session.detail()).calls[0]?.state, 'unknown')
})

test('no head in time: another endpoint is asked', async () => {
  const agent = await enrolPool(['silent', 'wires'], { firstByteTimeoutMs: 1000 })
  await using session = await agent.open()
  const reply = await session.post(chat())
  assert.equal(reply.status, 200, reply.text)
  assert.equal(reply.headers.get('airworthy-attempts'), '2')
})

test('one deadline ends a call, however many attempts are left', async () => {
  const agent = await enrolPool(['silent', 'silent', 'wires'], {
    timeoutMs: 1500,
    firstByteTimeoutMs: 1000,
    retries: { attempts: 10, baseDelayMs: 5 },
  })
  await using session = await agent.open()
  const startedMs = performance.now()
  const reply = await session.post(chat())
  assert.deepEqual([reply.status, reply.code], [504, 'upstream.timeout'])
  assert(performance.now() - startedMs < 10_000)
  assert(behavioursAsked(agent).length < 3)
  const { calls } = await session.detail()
  assert(calls.every((call) => call.state === 'unknown'))
})

test('a client that leaves a translated stream leaves the upstream, and what was said is billed', async () => {
  const agent = await enrolPool(['talk-long'])
  await using session = await agent.open()
  const leaving = new AbortController()
  const url = `${ground.server.url}/s/${session.sessionKey}/v1/messages`
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${agent.apiKey}` },
    body: JSON.stringify(chat({ stream: true, max_tokens: 1000 })),
    signal: leaving.signal,
  })
  await response.body?.getReader().read()
  leaving.abort()
  await until('the upstream to be left', () => upstream.asked(agent.name)[0]?.isGone)
  await until('the outcome', async () => (await session.detail()).calls[0]?.state === 'unknown')
  const { calls, budgets } = await session.detail()
  assert.equal(calls[0]?.code, 'client.closed')
  const tokens = spentOf(budgets, 'tokens')
  assert(tokens.settled > 0 && tokens.unknown > 0, JSON.stringify(tokens))
})

test('of a stream that is cut the prompt is billed, too, where its tokenizer is known', async () => {
  const content = 'one two three four five six seven eight '.repeat(10)
  const messages = [{ role: 'user', content: [{ type: 'text', text: content }] }]
  const settled: number[] = []
  for (const tokenizer of ['bytes', 'o200k_base']) {
    const agent = await enrolPool(['cut-late'], { tokenizer })
    await using session = await agent.open()
    await session.post(chat({ stream: true, messages })).catch(() => undefined)
    const { calls, budgets } = await session.detail()
    assert.equal(calls[0]?.state, 'unknown')
    settled.push(spentOf(budgets, 'tokens').settled)
  }
  const [reply = 0, withPrompt = 0] = settled
  // Each word is a token of its own.
  assert(withPrompt - reply >= 80 && withPrompt - reply < 90, settled.join())
})

test('a stream whose last event lacks its empty line is whole', async () => {
  for (const wire of ['', 'messages:']) {
    const agent = await enrolPool([`${wire}no-last-line`])
    await using session = await agent.open()
    const path = wire === '' ? '/v1/chat/completions' : '/v1/messages'
    const reply = await session.post(chat({ stream: true }), { path })
    assert.match(reply.text, wire === '' ? /\[DONE\]\n\n$/ : /message_stop"\}\n\n$/)
    assert.equal((await session.detail()).calls[0]?.state, 'done')
  }
})
