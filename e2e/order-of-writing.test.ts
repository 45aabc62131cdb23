// What must be durable before what: the intent before the first byte and before a tool is asked,
// the outcome before the last event.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { lockLog } from './harness/locks.ts'
import { entriesOfCall, spentOf } from './harness/record.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { upstream, tools, database, databaseUrl } = ground

type Streaming = { text: string; callId: string; readonly ended: Promise<void> }

/** Reads a stream as it arrives. */
function stream(session: TestSession, apiKey: string): Streaming {
  const url = `${ground.server.url}/s/${session.sessionKey}/v1/chat/completions`
  const read = async (): Promise<void> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}` },
      body: JSON.stringify(chat({ stream: true })),
    })
    streaming.callId = response.headers.get('airworthy-call') ?? ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) streaming.text += decoder.decode(chunk)
  }
  const streaming: { text: string; callId: string; ended: Promise<void> } = {
    text: '',
    callId: '',
    ended: Promise.resolve(),
  }
  streaming.ended = read()
  return streaming
}

test('a leased model call leaves early, but no byte comes back before its intent is durable', async () => {
  const agent = await enrol(ground, { limits: { session: { calls: 9, tokens: 100_000 } } })
  await using session = await agent.open()
  // The first call has no lease yet; it earns one.
  assert.equal((await session.post(chat({ stream: true }))).status, 200)
  const before = upstream.asked(agent.name).length
  await using locked = await lockLog(databaseUrl)
  const streaming = stream(session, agent.apiKey)
  await locked.awaited()
  assert.equal(streaming.text, '')
  await locked.release()
  await until('the first byte', () => streaming.text !== '')
  const [intent] = await entriesOfCall(database, streaming.callId)
  assert.equal(intent?.entry['type'], 'call.intent')
  await streaming.ended
  assert.equal(upstream.asked(agent.name).length, before + 1)
})

test('the last event of a stream waits for the outcome', async () => {
  const agent = await enrol(ground, { behaviour: 'gated-end' })
  await using session = await agent.open()
  const gate = upstream.gate(agent.name)
  const streaming = stream(session, agent.apiKey)
  await until('the text', () => streaming.text.includes('"lo"'))
  await using locked = await lockLog(databaseUrl)
  gate.open()
  await locked.awaited()
  assert(!streaming.text.includes('[DONE]'))
  await locked.release()
  await streaming.ended
  assert(streaming.text.endsWith('data: [DONE]\n\n'))
  const types = (await entriesOfCall(database, streaming.callId)).map(({ entry }) => entry['type'])
  assert.deepEqual(types, ['call.intent', 'call.outcome'])
})

test('a tool is not asked before its intent is durable', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  await session.call('get_order', { order_id: 'warm' })
  await using locked = await lockLog(databaseUrl)
  const calling = session.call('notify', { note: 'n' })
  await locked.awaited()
  assert.equal(
    tools.calls.some((call) => call.session === session.id && call.tool === 'notify'),
    false,
  )
  await locked.release()
  const reply = await calling
  assert.equal(reply.isError, false)
  const [intent] = await entriesOfCall(database, String(reply.meta['airworthy/call']))
  assert.equal(intent?.entry['type'], 'call.intent')
})

test('a client that leaves while the intent waits leaves no call open behind it', async () => {
  const agent = await enrol(ground, { behaviour: 'silent', limits: { session: { calls: 9 } } })
  await using session = await agent.open()
  for (const isStreamed of [false, true]) {
    const leaving = new AbortController()
    await using locked = await lockLog(databaseUrl)
    const asking = session.post(chat({ stream: isStreamed }), { signal: leaving.signal })
    await locked.awaited()
    leaving.abort()
    await assert.rejects(asking)
    await locked.release()
  }
  await until('both calls to end', async () => {
    const { calls } = await session.detail()
    return calls.length === 2 && calls.every((call) => call.state !== 'executing')
  })
  const { calls, budgets } = await session.detail()
  assert.deepEqual(
    calls.map((call) => call.code),
    ['client.closed', 'client.closed'],
  )
  // What was not sent has used nothing; what was sent before the gateway heard of it is unknown.
  const { settled, unknown, reserved } = spentOf(budgets, 'calls')
  assert.deepEqual([settled, unknown, reserved], [0, upstream.asked(agent.name).length, 0])
})
