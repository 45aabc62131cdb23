// Every fault of an upstream, plain and streamed, on every wire in and out, alone and with another
// endpoint after it: the client sees one well-formed outcome, and nothing stays reserved. What the
// record must be is checked when the file is over.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { prices } from './harness/manifest.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { upstream } = ground

const faults =
  'refuse-400 refuse-429 refuse-500 refuse-503 busy-date gone silent reset cut-body cut-early ' +
  'cut-late early-end broken-event fail-first fail-late no-usage wrong-usage garbage ' +
  'no-completion no-last-line'

const clients = {
  chat: {
    path: '/v1/chat/completions',
    body: { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 50 },
    ends: /^data: (\[DONE\]|\{"error":)/,
  },
  responses: {
    path: '/v1/responses',
    body: { input: 'Hi', max_output_tokens: 50 },
    ends: /^event: (response\.(completed|incomplete|failed)|error)\n/,
  },
  messages: {
    path: '/v1/messages',
    body: { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 50 },
    ends: /^event: (message_stop|error)\n/,
  },
} as const

type Client = (typeof clients)[keyof typeof clients]

/** Throws where an official client of the wire would not know what it got. */
async function checkOutcome(
  session: TestSession,
  client: Client,
  options: { stream: boolean; fault: string },
): Promise<number> {
  const { stream, fault } = options
  const body = { model: 'fake', ...client.body, ...(stream ? { stream } : {}) }
  const reply = await session.post(body, { path: client.path })
  const told = `${fault}, ${client.path}, ${stream ? 'streamed' : 'plain'}: ${reply.status} ${reply.text}`
  assert.notEqual(reply.headers.get('airworthy-receipt'), null, told)
  const isStream = reply.headers.get('content-type')?.startsWith('text/event-stream') === true
  if (isStream) {
    assert(stream && reply.status === 200, told)
    assert(reply.text.endsWith('\n\n'), told)
    const events = reply.text.trimEnd().split('\n\n')
    assert.match(events.at(-1) ?? '', client.ends, told)
    const ends = events.filter((event) => client.ends.test(event))
    assert.equal(ends.length, 1, told)
    for (const event of events) {
      const data = event.slice(event.indexOf('data: ') + 6)
      if (data !== '[DONE]') JSON.parse(data)
    }
    return reply.status
  }
  const json: unknown = JSON.parse(reply.text)
  if (reply.status !== 200) assert.equal(typeof at(json, 'error.message'), 'string', told)
  return reply.status
}

async function openPool(
  wire: 'openai' | 'anthropic',
  fault: string,
  isAlone: boolean,
): Promise<TestSession> {
  const name = `faults-${wire}-${fault}-${isAlone ? 'alone' : 'pool'}`
  const bases = [fault, ...(isAlone ? [] : ['wires'])].map((behaviour) =>
    behaviour === 'gone' ? 'http://127.0.0.1:1/v1' : upstream.base(behaviour, name),
  )
  const model: Json = {
    name: 'fake',
    prices,
    maxOutputTokens: 1000,
    timeoutMs: 8000,
    firstByteTimeoutMs: 1000,
    idleTimeoutMs: 1500,
    retries: { attempts: isAlone ? 1 : 3, baseDelayMs: 1, retryAfterMaxMs: 10 },
    endpoints: bases.map((baseUrl, tier) => ({ name: `e${tier}`, wire, baseUrl, tier })),
  }
  const limits = { session: { calls: 100, tokens: 10_000_000, moneyUsd: '100' } }
  const agent = await enrol(ground, { name, limits, more: { models: [model] } })
  return agent.open()
}

for (const wire of ['openai', 'anthropic'] as const) {
  test(`each fault of an upstream on the ${wire} wire has one well-formed outcome`, async () => {
    await Promise.all(
      faults.split(' ').map(async (fault) => {
        for (const isAlone of [true, false]) {
          await using session = await openPool(wire, fault, isAlone)
          const asking = Object.values(clients).flatMap((client) =>
            [false, true].map((stream) => checkOutcome(session, client, { stream, fault })),
          )
          await Promise.all(asking)
          await until('all calls to have their outcomes', async () => {
            const { calls } = await session.detail()
            return calls.every((call) => ['done', 'failed', 'unknown'].includes(call.state))
          })
          const { budgets } = await session.detail()
          for (const budget of budgets) assert.equal(Number(budget.reserved), 0, fault)
        }
      }),
    )
  })
}
