// Triggers where something is odd: parallel replies, replies that nobody counted, people's own calls,
// questions that are opened again, agents that only read.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { enrol, standGround, type TestAgent, type TestSession } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { addPerson } from './harness/operators.ts'
import { saying, startSayingModel } from './harness/saying-model.ts'

const model = await startSayingModel()
after(() => model[Symbol.asyncDispose]())
const ground = await standGround()
const { server, database } = ground
const { client } = server

function enrolWith(escalation: Json, more: Json = {}): Promise<TestAgent> {
  return enrol(ground, { modelBaseUrl: model.baseUrl, pact: { escalation }, ...more })
}

async function write(session: TestSession, orderId: string, more: Json = {}): Promise<string> {
  const reply = await session.call('write_order', { order_id: orderId, ...more })
  return at(reply.value, 'held') === true ? 'held' : reply.isError ? String(reply.value) : 'done'
}

async function pendingHold(agent: TestAgent): Promise<string> {
  const { holds } = await client.listHolds({ state: 'pending' })
  return holds.find((hold) => hold.agent === agent.name)?.id ?? 'none'
}

async function encounters(agent: TestAgent): Promise<string[]> {
  const { rows } = await database.query<{ kind: string }>(
    `SELECT e.kind FROM airworthy.agent_encounters e
      JOIN airworthy.agents a USING (organisation_id, agent_id)
    WHERE a.name = $1 ORDER BY e.kind`,
    [agent.name],
  )
  return rows.map(({ kind }) => kind)
}

async function longAgo(agent: TestAgent, table: 'agent_encounters' | 'escalation_firings') {
  await database.query(
    `UPDATE airworthy.${table} t SET at = now() - interval '40 days'
    FROM airworthy.agents a WHERE a.organisation_id = t.organisation_id
      AND a.agent_id = t.agent_id AND a.name = $1`,
    [agent.name],
  )
}

test('words of a reply that nobody counted the tokens of are read all the same', async () => {
  const agent = await enrolWith({ doubt: {} })
  await using session = await agent.open()
  const reply = await session.post(saying("I'm not sure.", { user: 'nobody counts' }))
  assert.equal(reply.status, 200, reply.text)
  assert.equal(await write(session, '1'), 'held')
})

test('a trigger that is met while a call waits is on record, and its people are counted', async () => {
  const agent = await enrolWith(
    { doubt: {} },
    { rules: [{ id: 'writes', effect: 'hold', tools: ['desk/write_*'] }] },
  )
  await using session = await agent.open()
  assert.equal(await write(session, '1'), 'held')
  await session.call('airworthy_escalate', { reason: 'x' })
  const hold = await pendingHold(agent)
  await client.approveHold(hold)
  assert.equal(await pendingHold(agent), hold, 'what was approved is another question by now')
  await client.approveHold(hold, { round: 2 })
  assert.equal(await write(session, '1'), 'done')
  const { triggers } = await client.reportEscalation({ agent: agent.name })
  const [doubt] = triggers
  assert.deepEqual(
    [doubt?.trigger, doubt?.fired, doubt?.held, doubt?.recorded, doubt?.approved],
    ['doubt', 2, 1, 1, 1],
    'one was said, and one was decided by people',
  )
})

test('calls that are made at once do not slip past a count together', async () => {
  const agent = await enrolWith({ materiality: { writes: 3 } })
  await using session = await agent.open()
  const orders = Array.from({ length: 12 }, (_, index) => `order ${index}`)
  const outcomes = await Promise.all(orders.map((order) => write(session, order)))
  assert.equal(outcomes.filter((outcome) => outcome === 'done').length, 3)
  assert.equal(outcomes.filter((outcome) => outcome === 'held').length, 9)
})

test('a reply that its client does not wait for leaves nobody sure', async () => {
  const agent = await enrolWith({ confidence: { statement: { path: 'confidence', min: 0.5 } } })
  await using session = await agent.open()
  assert.equal((await session.post(saying('{"confidence": 0.9}'))).status, 200)
  assert.equal(await write(session, '1'), 'done')
  const path = `/s/${session.sessionKey}/v1/chat/completions`
  const hangUp = new AbortController()
  const reply = await fetch(new URL(path, server.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${agent.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(saying('{"confidence": 0.9}', { stream: true, user: 'slow' })),
    signal: hangUp.signal,
  })
  assert.equal(reply.status, 200)
  await reply.body?.getReader().read()
  hangUp.abort()
  assert.equal(await write(session, '2'), 'held')
})

test('an approval answers the doubt that was there before its call, and no later one', async () => {
  const agent = await enrolWith({ doubt: {} })
  await using session = await agent.open()
  await session.call('airworthy_escalate', { reason: 'first' })
  assert.equal(await write(session, '1'), 'held')
  await session.call('airworthy_escalate', { reason: 'second: something else' })
  await client.approveHold(await pendingHold(agent))
  assert.equal(await write(session, '1'), 'done')
  assert.equal(await write(session, '2'), 'held', 'nobody has looked at the second doubt')
  await client.approveHold(await pendingHold(agent))
  assert.equal(await write(session, '3'), 'done')
})

test('what became of a held call is in the report, however it ended', async () => {
  const agent = await enrolWith({ materiality: { writes: 0 } })
  await using session = await agent.open()
  assert.equal(await write(session, '1'), 'held')
  await database.query("UPDATE airworthy.holds SET state = 'cancelled' WHERE hold_id = $1", [
    await pendingHold(agent),
  ])
  const { triggers } = await client.reportEscalation({ agent: agent.name })
  const [{ held, approved, rejected, expired, waiting, cancelled } = {}] = triggers
  assert.deepEqual([held, approved, rejected, expired, waiting, cancelled], [1, 0, 0, 0, 0, 1])
})

test('what a person does in its stead meets no trigger about the agent and teaches nothing', async () => {
  const agent = await enrolWith({
    firstEncounter: { learning: { calls: 100 } },
    competence: { provenTasks: {} },
    materiality: { writes: 1 },
  })
  await using session = await agent.open()
  const { id } = await client.handOverSession(session.id, { reason: 'mine now' })
  await client.takeHandover(id)
  const person = { tool: 'desk/write_order', arguments: { order_id: '1' } }
  const first = await client.callInStead(id, person)
  assert.deepEqual([first.decision, first.isError], ['allow', false], JSON.stringify(first))
  assert.deepEqual(await encounters(agent), [])
  const second = await client.callInStead(id, { ...person, arguments: { order_id: '2' } })
  assert.equal(second.decision, 'hold', 'a material call takes somebody else')
  for (const { callId } of [first, second]) {
    assert.equal((await client.explainCall(callId)).agrees, true)
  }
  const { client: other } = await addPerson(server)
  await other.approveHold(await pendingHold(agent))
  assert.equal(await pendingHold(agent), 'none', 'nothing else is asked then')
  assert.deepEqual(await encounters(agent), [])
})

test('what an agent is seen with again is noted about once a month', async () => {
  const agent = await enrolWith({ firstEncounter: { of: ['tool'], learning: { calls: 1 } } })
  await using session = await agent.open()
  assert.equal(await write(session, '1'), 'done')
  await longAgo(agent, 'agent_encounters')
  // Another command, so that the gateway reads anew what it knew.
  await client.openSession({ agent: agent.name })
  assert.equal(await write(session, '2'), 'done')
  const { rows } = await database.query<{ fresh: boolean }>(
    `SELECT e.at > now() - interval '1 day' AS fresh FROM airworthy.agent_encounters e
      JOIN airworthy.agents a USING (organisation_id, agent_id) WHERE a.name = $1`,
    [agent.name],
  )
  assert.deepEqual(rows, [{ fresh: true }])
})

test('people hear of an odd hour of an agent that only reads, and of none that is observed', async () => {
  for (const [mode, heard] of [
    ['enforce', 1],
    ['observe', 0],
  ] as const) {
    const agent = await enrolWith({ anomaly: { measures: ['calls'], atLeast: { calls: 3 } } })
    const hour = Math.floor(Date.now() / 3_600_000) - 1
    await database.query(
      `INSERT INTO airworthy.agent_watches (organisation_id, agent_id, watch, changed_at)
      SELECT organisation_id, agent_id, $2, now() FROM airworthy.agents WHERE name = $1`,
      [agent.name, JSON.stringify({ hour, hours: 30, means: [2, 1], variances: [0, 0] })],
    )
    await using session = await agent.open({ mode })
    for (let made = 0; made < 7; made += 1) {
      assert.equal((await session.call('get_order', { order_id: '1' })).isError, false)
    }
    const { rows } = await database.query(
      `SELECT 1 FROM airworthy.outbox WHERE kind = 'escalation.anomaly' AND detail->>'session' = $1`,
      [session.id],
    )
    assert.equal(rows.length, heard, mode)
  }
})
