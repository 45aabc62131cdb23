// Budgets are hard, whatever arrives at once, and their bookkeeping is exact to the nano-USD.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { at } from './harness/json.ts'
import { usualCostNanoUsd, usualTokens } from './harness/manifest.ts'
import { spentOf } from './harness/record.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { upstream, tools } = ground

async function countReplies(
  replies: readonly Promise<{ status: number; code: string | undefined }>[],
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  for (const { status, code } of await Promise.all(replies)) {
    const name = code === undefined ? String(status) : `${status} ${code}`
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

const nothing = { settled: 0, reserved: 0, unknown: 0, overrun: 0 }

async function spent(session: TestSession, unit: 'calls' | 'tokens' | 'nano_usd') {
  const { leased: _leased, ...rest } = spentOf((await session.detail()).budgets, unit)
  return rest
}

test('50 parallel calls against a budget of 7 calls: exactly 7 reach the upstream', async () => {
  const agent = await enrol(ground, { limits: { session: { calls: 7 } }, behaviour: 'delay-20' })
  await using session = await agent.open()
  const counts = await countReplies(Array.from({ length: 50 }, () => session.post(chat())))
  assert.deepEqual(counts, { '200': 7, '429 budget.exceeded': 43 })
  assert.equal(upstream.asked(agent.name).length, 7)
  assert.deepEqual(await spent(session, 'calls'), { ...nothing, settled: 7 })
})

test('an agent’s budget is shared by its sessions, and by model and tool calls', async () => {
  const agent = await enrol(ground, { limits: { agent: { calls: 10 } } })
  const sessions = await Promise.all([agent.open(), agent.open(), agent.open()])
  const models = sessions.flatMap((one) => Array.from({ length: 5 }, () => one.post(chat())))
  const toolReplies = sessions.flatMap((one) =>
    Array.from({ length: 5 }, () => one.call('get_order', { order_id: 'a' })),
  )
  const counts = await countReplies(models)
  const denied = (await Promise.all(toolReplies)).filter((reply) => reply.isError)
  const asked = tools.calls.filter((call) => sessions.some((one) => one.id === call.session))
  assert.equal((counts['200'] ?? 0) + (15 - denied.length), 10)
  assert.equal(upstream.asked(agent.name).length + asked.length, 10)
  for (const reply of denied) assert.equal(at(reply.value, 'code'), 'budget.exceeded')
  await Promise.all(sessions.map((one) => one[Symbol.asyncDispose]()))
})

test('tokens are reserved by their bound before the call and settled by their usage after it', async () => {
  const body = JSON.stringify(chat())
  const bound = Buffer.byteLength(body) + 50
  const agent = await enrol(ground, {
    limits: { session: { tokens: bound * 3 } },
    behaviour: 'gated',
  })
  await using session = await agent.open()
  const gate = upstream.gate(agent.name)
  const asking = Array.from({ length: 20 }, () => session.post(body))
  await until('three calls at the upstream', () => upstream.asked(agent.name).length === 3)
  assert.deepEqual(await spent(session, 'tokens'), { ...nothing, reserved: bound * 3 })
  gate.open()
  assert.deepEqual(await countReplies(asking), { '200': 3, '429 budget.exceeded': 17 })
  assert.equal(upstream.asked(agent.name).length, 3)
  const { settled } = await spent(session, 'tokens')
  assert.equal(settled, Math.min(usualTokens * 3, bound * 3))
})

test('money is hard under concurrency: what is settled never passes the limit', async () => {
  const agent = await enrol(ground, { limits: { session: { moneyUsd: '0.001' } } })
  await using session = await agent.open()
  const counts = await countReplies(Array.from({ length: 30 }, () => session.post(chat())))
  const arrived = upstream.asked(agent.name).length
  assert.equal(counts['200'], arrived)
  assert.equal(counts['429 budget.exceeded'], 30 - arrived)
  assert.deepEqual(await spent(session, 'nano_usd'), {
    ...nothing,
    settled: arrived * usualCostNanoUsd,
  })
  assert(arrived * usualCostNanoUsd <= 1_000_000 && arrived > 0)
})

test('missing or unreadable usage leaves the reservation unknown, plain and streamed', async () => {
  const agent = await enrol(ground, { limits: { session: { calls: 9, tokens: 100_000 } } })
  for (const behaviour of ['no-usage', 'wrong-usage']) {
    for (const stream of behaviour === 'no-usage' ? [false, true] : [false]) {
      const modelBaseUrl = upstream.base(behaviour, agent.name)
      await using session = await agent.open({ modelBaseUrl })
      const body = JSON.stringify(chat({ stream }))
      assert.equal((await session.post(body)).status, 200)
      assert.deepEqual(await spent(session, 'tokens'), {
        ...nothing,
        unknown: Buffer.byteLength(body) + 50,
      })
      assert.deepEqual(await spent(session, 'calls'), { ...nothing, unknown: 1 })
      assert.equal((await session.detail()).calls[0]?.state, 'unknown')
    }
  }
})

test('usage above the reservation is an overrun, and exhausts the budget', async () => {
  const agent = await enrol(ground, { limits: { session: { tokens: 1000 } } })
  await using session = await agent.open({
    modelBaseUrl: upstream.base('huge-usage', agent.name),
  })
  assert.equal((await session.post(chat())).status, 200)
  const after = await spent(session, 'tokens')
  assert.equal(after.settled + after.overrun, 900_050)
  assert(after.settled <= 1000)
  assert.equal((await session.post(chat())).code, 'budget.exceeded')
})

test('usage beyond what can be is not taken for true: it is unknown, and the hold stays', async () => {
  const agent = await enrol(ground, {
    behaviour: 'absurd-usage',
    limits: { session: { tokens: 100_000 } },
  })
  await using session = await agent.open()
  const reply = await session.post(chat())
  assert.equal(reply.status, 200)
  const call = await ground.server.client.getCall(reply.headers.get('airworthy-call') ?? '')
  assert.equal(call.state, 'unknown')
  assert.equal((await session.post(chat())).status, 200)
})

test('a limit that is set, or lifted, while calls are in flight counts what ends after it', async () => {
  const agent = await enrol(ground, { behaviour: 'gated' })
  const set = (calls: number | undefined) =>
    enrol(ground, {
      name: agent.name,
      behaviour: 'gated',
      limits: { agent: calls === undefined ? {} : { calls, tokens: 1_000_000 } },
    })
  await using session = await agent.open()
  for (const [before, during] of [
    [undefined, 50],
    [50, undefined],
    [undefined, 50],
  ]) {
    await set(before)
    const asked = upstream.asked(agent.name).length
    const gate = upstream.gate(agent.name)
    const asking = [session.post(chat()), session.post(chat({ stream: true }))]
    await until('both at the upstream', () => upstream.asked(agent.name).length === asked + 2)
    await set(during)
    gate.open()
    assert.deepEqual(await countReplies(asking), { '200': 2 })
    assert.equal((await session.post(chat())).status, 200)
  }
  const { calls } = await session.detail()
  assert.deepEqual(new Set(calls.map((call) => call.state)), new Set(['done']))
  const { budgets } = await ground.server.client.getAgent(agent.name)
  assert.equal(spentOf(budgets, 'calls').reserved, 0)
})

test('an upstream that refuses the connection has used nothing', async () => {
  const agent = await enrol(ground, {
    limits: { session: { calls: 9, tokens: 100_000, moneyUsd: '1' } },
  })
  await using session = await agent.open({ modelBaseUrl: 'http://127.0.0.1:1/v1' })
  const reply = await session.post(chat())
  assert.deepEqual([reply.status, reply.code], [502, 'upstream.unreachable'])
  for (const unit of ['calls', 'tokens', 'nano_usd'] as const) {
    assert.deepEqual(await spent(session, unit), nothing)
  }
  assert.equal((await session.detail()).calls[0]?.state, 'failed')
})

test('a number of tokens that no one could mean is refused, and disturbs no other call', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const huge = Number.MAX_SAFE_INTEGER
  const [odd, ...others] = await Promise.all([
    session.post(chat({ max_tokens: huge, n: huge })),
    ...Array.from({ length: 5 }, () => session.post(chat())),
  ])
  assert.deepEqual([odd?.status, odd?.code], [400, 'request.invalid'])
  for (const reply of others) assert.equal(reply.status, 200)
})
