// An agent waits for what people decide: over HTTP, and with the gateway's own tool on MCP.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Door, connectNew, connectOld } from './harness/mcp-clients.ts'
import { enrol, standGround, type TestAgent, type TestSession } from './harness/ground.ts'
import { at, asRecord, type Json } from './harness/json.ts'
import { startReplica } from './harness/replica.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { server } = ground
const { client } = server

const holdRefunds: Json = { id: 'big', effect: 'hold', tools: ['desk/refund'], reason: 'ask' }

type Asked = { readonly status: number; readonly headers: Headers; readonly body: Json }

async function ask(
  path: string,
  who: { agent: TestAgent; session?: TestSession; url?: string },
  init: RequestInit = {},
): Promise<Asked> {
  const { agent, session, url = server.url } = who
  const base = session === undefined ? url : `${url}/s/${session.sessionKey}`
  const headers = { authorization: `Bearer ${agent.apiKey}` }
  const response = await fetch(`${base}${path}`, { headers, ...init })
  const body: unknown = JSON.parse(await response.text())
  return { status: response.status, headers: response.headers, body: asRecord(body) }
}

async function holdRefund(session: TestSession, orderId: string) {
  const { value } = await session.call('refund', { order_id: orderId, amount: 5 })
  assert.equal(at(value, 'held'), true, JSON.stringify(value))
  // A limit may hold where no rule does and the tool is not listed: the answer names it.
  assert.equal(at(value, 'tool'), 'airworthy_hold')
  return { id: String(at(value, 'id')), poll: String(at(value, 'poll')) }
}

/** A few requests that wait, seen to wait: none has an answer while the hold is open. */
function countAnswers(asking: readonly Promise<Asked>[]): () => number {
  let answered = 0
  for (const one of asking) void one.then(() => (answered += 1))
  return () => answered
}

test('a held call says where to ask; the answer is how it stands, then what the tool answered', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const { id, poll } = await holdRefund(session, 'a')
  const waiting = await ask(poll, { agent, session })
  const { until: untilText, call, ...standing } = waiting.body
  const held = {
    id,
    action: 'desk/refund',
    state: 'pending',
    held: true,
    level: 1,
    round: 1,
    code: 'call.held',
  }
  assert.deepEqual(standing, held)
  assert(Date.parse(String(untilText)) > Date.now())
  assert.equal(waiting.headers.get('cache-control'), 'no-store')
  const decided = await client.approveHold(id)
  assert.equal(decided.call.id, call)
  const done = await ask(poll, { agent, session })
  assert.deepEqual([done.body['state'], done.body['held']], ['done', false])
  const repeat = await session.call('refund', { order_id: 'a', amount: 5 })
  const text = String(at(done.body, 'result.content.0.text'))
  assert.deepEqual(JSON.parse(text), repeat.value)
})

test('who waits hears of a decision that another gateway takes, and all at once', async () => {
  await using owner = new AsyncDisposableStack()
  const other = await startReplica(ground, owner)
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const approved = await holdRefund(session, 'a')
  const rejected = await holdRefund(session, 'b')
  const asking = [approved, approved, rejected].map(({ poll }) =>
    ask(`${poll}?wait=60`, { agent, session }),
  )
  const answers = countAnswers(asking)
  // A question that does not wait is answered while they do.
  assert.equal((await ask(approved.poll, { agent, session })).body['state'], 'pending')
  assert.equal(answers(), 0)
  await other.client.approveHold(approved.id)
  await other.client.rejectHold(rejected.id)
  const [one, two, three] = await Promise.all(asking)
  assert.deepEqual([one?.body['state'], two?.body['state']], ['done', 'done'])
  assert.deepEqual([three?.body['state'], three?.body['code']], ['denied', 'hold.rejected'])
  // Through the gateway that decided as well: nothing of a hold is kept in a process.
  const there = await ask(approved.poll, { agent, session, url: other.url })
  assert.deepEqual(there.body, one?.body)
})

test('a wait ends when its time is over, and when the hold expires', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds], holdExpiresAfterSeconds: 2 })
  await using session = await agent.open()
  const { poll } = await holdRefund(session, 'a')
  assert.equal((await ask(`${poll}?wait=1`, { agent, session })).body['state'], 'pending')
  const expired = await ask(`${poll}?wait=30`, { agent, session })
  assert.deepEqual([expired.body['state'], expired.body['code']], ['denied', 'hold.expired'])
})

test('a hold of another agent is unknown; another session of the agent hears no result', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  const stranger = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const { id, poll } = await holdRefund(session, 'a')
  await client.approveHold(id)
  const foreign = await ask(poll, { agent: stranger })
  assert.deepEqual([foreign.status, at(foreign.body, 'error.code')], [404, 'hold.unknown'])
  assert.equal(foreign.headers.get('x-should-retry'), 'false')
  const elsewhere = await ask(poll, { agent })
  assert.deepEqual([elsewhere.body['state'], elsewhere.body['result']], ['done', undefined])
  const nobody = await ask(poll, { agent }, { headers: {} })
  assert.deepEqual([nobody.status, at(nobody.body, 'error.code')], [401, 'auth.missing'])
  for (const wait of ['61', '-1', '1.5', 'x', '']) {
    const { status, body } = await ask(`${poll}?wait=${wait}`, { agent, session })
    assert.deepEqual([status, at(body, 'error.code')], [400, 'request.invalid'], wait)
  }
  const headers = { authorization: `Bearer ${agent.apiKey}` }
  assert.equal((await ask(poll, { agent, session }, { method: 'POST', headers })).status, 405)
  await client.revokeKey(agent.name, (await client.getAgent(agent.name)).keys[0]?.id ?? '')
  const revoked = await ask(poll, { agent, session })
  assert.equal(at(revoked.body, 'error.code'), 'auth.revoked_key')
})

test('a hundred of one agent may wait; the next is told to come later, and a place is freed', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const { id, poll } = await holdRefund(session, 'a')
  const headers = { authorization: `Bearer ${agent.apiKey}` }
  const answers = new Map<number, Asked>()
  const leaving = Array.from({ length: 120 }, () => new AbortController())
  const asking = leaving.map(async ({ signal }, index) => {
    const answer = await ask(`${poll}?wait=60`, { agent, session }, { headers, signal })
    answers.set(index, answer)
    return answer
  })
  const all = Promise.allSettled(asking)
  await until('those to be refused for whom there is no place', () => answers.size >= 20)
  const refused = [...answers.values()]
  assert.deepEqual(new Set(refused.map(({ status }) => status)), new Set([429]))
  assert.equal(refused.length, 20)
  assert.equal(at(refused[0]?.body, 'error.code'), 'gateway.overloaded')
  assert.notEqual(refused[0]?.headers.get('retry-after'), null)
  const unwaited = await ask(poll, { agent, session })
  assert.equal(unwaited.status, 200, 'who does not wait needs no place')
  leaving.find((_, index) => !answers.has(index))?.abort()
  await until('the place of the one who left', async () => {
    return (await ask(`${poll}?wait=1`, { agent, session })).status === 200
  })
  await client.rejectHold(id)
  const ends = await all
  assert.equal(ends.filter((end) => end.status === 'rejected').length, 1)
  const states = [...answers.values()].map(({ body }) => body['state'])
  assert.equal(states.filter((state) => state === 'denied').length, 99)
})

test('a gateway that stops answers those who wait', async () => {
  await using owner = new AsyncDisposableStack()
  const stopping = await startReplica(ground, owner)
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const { poll, id } = await holdRefund(session, 'a')
  const { rows: clock } = await ground.database.query<{ at: string }>(
    'SELECT clock_timestamp()::text AS at',
  )
  const start = clock[0]?.at
  const asking = ask(`${poll}?wait=60`, { agent, session, url: stopping.url })
  // The stop begins when the request waits: it was looked up, and is asked for again.
  const looks = new Set<string>()
  await until('the request to wait', async () => {
    const { rows } = await ground.database.query<{ at: string }>(
      `SELECT query_start::text AS at FROM pg_stat_activity
       WHERE query LIKE '%"airworthy"."holds" as "h"%' AND query LIKE '%"h"."hold_id" in%'
         AND query_start > $1::timestamptz`,
      [start],
    )
    for (const row of rows) looks.add(row.at)
    return looks.size >= 2
  })
  const began = performance.now()
  const code = await stopping.terminate()
  assert.equal(code, 0)
  assert(performance.now() - began < 30_000)
  assert.equal((await asking).body['state'], 'pending')
  await client.rejectHold(id)
})

const clients = [
  ['the 1.32 client', connectOld],
  ['the 2.4 client', connectNew],
] as const

function doorOf(agent: TestAgent, session: TestSession): Door {
  return { url: `${server.url}/s/${session.sessionKey}/mcp/desk`, apiKey: agent.apiKey }
}

for (const [name, connect] of clients) {
  test(`${name} waits with airworthy_hold, and hears the result as the tool gave it`, async () => {
    const agent = await enrol(ground, { rules: [holdRefunds] })
    await using session = await agent.open()
    await using mcp = await connect(doorOf(agent, session))
    const names = (await mcp.listTools()).map((tool) => tool['name'])
    assert(names.includes('airworthy_hold'), names.join())
    const refund = { order_id: 'a', amount: 5 }
    const held = asRecord((await mcp.call('refund', refund))['structuredContent'])
    const hold = String(held['id'])
    const pending = await mcp.call('airworthy_hold', { hold, waitSeconds: 0 })
    assert.notEqual(pending['isError'], true)
    assert.deepEqual(
      [at(pending, 'structuredContent.held'), at(pending, 'structuredContent.state')],
      [true, 'pending'],
    )
    const waiting = mcp.call('airworthy_hold', { hold, waitSeconds: 50 })
    await client.approveHold(hold)
    const done = await waiting
    const repeat = await mcp.call('refund', refund)
    assert.deepEqual(done['structuredContent'], repeat['structuredContent'])
    assert.deepEqual(done['content'], repeat['content'])
    assert.equal(at(done, '_meta.airworthy/repeat-of'), at(repeat, '_meta.airworthy/repeat-of'))
  })

  test(`${name} hears of a refusal, of a strange hold, and of wrong arguments as results`, async () => {
    const agent = await enrol(ground, { rules: [holdRefunds] })
    await using session = await agent.open()
    await using mcp = await connect(doorOf(agent, session))
    const held = await mcp.call('refund', { order_id: 'a', amount: 5 })
    const hold = String(at(held, 'structuredContent.id'))
    await client.rejectHold(hold)
    const wrong: readonly (readonly [Json, string])[] = [
      [{ hold }, 'hold.rejected'],
      [{ hold: '01a20193-5653-73cc-913c-7366544a96b0' }, 'hold.unknown'],
      [{ hold, waitSeconds: 51 }, 'tool.arguments_invalid'],
      [{ hold, more: 1 }, 'tool.arguments_invalid'],
      [{}, 'tool.arguments_invalid'],
    ]
    for (const [args, code] of wrong) {
      const refused = await mcp.call('airworthy_hold', args)
      assert.deepEqual([refused['isError'], at(refused, 'structuredContent.code')], [true, code])
    }
  })
}

test('airworthy_hold is listed only where a call may be held, and is no call on the record', async () => {
  const agent = await enrol(ground, {})
  await using session = await agent.open()
  assert.equal((await session.listTools()).includes('airworthy_hold'), false)
  await session.call('airworthy_hold', { hold: '01a20193-5653-73cc-913c-7366544a96b0' })
  assert.deepEqual((await session.detail()).calls, [])
})

const notify: Json = { 'desk/notify': { effect: 'irreversible' } }
const materiality = { amounts: {}, writes: 3 }
const lists: readonly (readonly [string, Parameters<typeof enrol>[1], boolean])[] = [
  ['nothing holds', { tools: notify }, false],
  ['drift holds', { tools: notify, drift: { tools: 'hold' } }, true],
  ['a trigger holds', { tools: notify, pact: { escalation: { materiality } } }, true],
  ['runs defer', { tools: notify, runs: { irreversibleLast: true } }, true],
]

for (const [name, options, isListed] of lists) {
  test(`where ${name} airworthy_hold is ${isListed ? '' : 'not '}listed`, async () => {
    const agent = await enrol(ground, options)
    await using session = await agent.open()
    assert.equal((await session.listTools()).includes('airworthy_hold'), isListed)
  })
}

test('a key that is for models alone hears how a tool call stands, and not what the tool answered', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const { id, poll } = await holdRefund(session, 'scoped')
  await client.approveHold(id)
  const { apiKey } = await client.issueKey(agent.name, { scopes: ['models'] })
  const other = { ...agent, apiKey }
  const heard = await ask(poll, { agent: other, session })
  assert.deepEqual([heard.body['state'], heard.body['result']], ['done', undefined])
})
