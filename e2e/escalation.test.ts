// Triggers: a person is asked although every rule lets a call go on, and each firing is on record.
import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { agentClients } from './harness/clients.ts'
import { enrol, standGround, type TestAgent, type TestSession } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { readEntries } from './harness/record.ts'
import { saying, startSayingModel } from './harness/saying-model.ts'
import { startServer, temporaryDirectory } from './harness/server.ts'

const model = await startSayingModel()
after(() => model[Symbol.asyncDispose]())
const ground = await standGround()
const { server, database, tools } = ground
const { client } = server

function enrolWith(escalation: Json, more: Json = {}): Promise<TestAgent> {
  return enrol(ground, { modelBaseUrl: model.baseUrl, pact: { escalation }, ...more })
}

async function write(session: TestSession, orderId: string, more: Json = {}): Promise<string> {
  const reply = await session.call('write_order', { order_id: orderId, ...more })
  return at(reply.value, 'held') === true ? 'held' : reply.isError ? String(reply.value) : 'done'
}

async function say(session: TestSession, text: string, more: Json = {}): Promise<void> {
  const reply = await session.post(saying(text, more))
  assert.equal(reply.status, 200, reply.text)
}

async function approveAll(agent: TestAgent): Promise<void> {
  const { holds } = await client.listHolds({ state: 'pending' })
  for (const hold of holds) if (hold.agent === agent.name) await client.approveHold(hold.id)
}

/** `trigger codes consequence` of each firing of the agent, in the order of the log. */
async function firings(agent: TestAgent): Promise<string[]> {
  const { rows } = await database.query<{ told: string; entry: string | null }>(
    `SELECT f.trigger || ' ' || array_to_string(f.codes, '+') || ' ' || f.consequence AS told,
      convert_from(e.entry, 'UTF8') AS entry
    FROM airworthy.escalation_firings f JOIN airworthy.agents a USING (organisation_id, agent_id)
    LEFT JOIN airworthy.entries e ON e.organisation_id = f.organisation_id
      AND e.log_id = f.log_id AND e.seq = f.seq
    WHERE a.name = $1 ORDER BY f.seq`,
    [agent.name],
  )
  for (const { entry } of rows) {
    assert.equal(at(JSON.parse(entry ?? '{}'), 'type'), 'escalation.fired', 'each is an entry')
  }
  return rows.map(({ told }) => told)
}

test('an agent that says that it doubts writes again once a person has approved', async () => {
  const agent = await enrolWith({ doubt: {} })
  await using session = await agent.open()
  assert((await session.listTools()).includes('airworthy_escalate'))
  assert.equal(await write(session, '1'), 'done')
  const told = await session.call('airworthy_escalate', { reason: 'two customers of this name' })
  assert.equal(at(told.value, 'escalated'), true, JSON.stringify(told.value))
  assert.match(String(told.meta['airworthy/receipt']), /./)
  assert.equal((await session.call('get_order', { order_id: '1' })).isError, false, 'reads go on')
  assert.equal(await write(session, '2'), 'held')
  assert.equal(await write(session, '3'), 'held')
  await approveAll(agent)
  assert.equal(await write(session, '2'), 'done', 'its repeat hears the result')
  assert.equal(await write(session, '4'), 'done', 'the doubt is over')
  assert.deepEqual(await firings(agent), [
    'doubt said record',
    'doubt said hold',
    'doubt said hold',
  ])
})

test('the tool is not there where the pact does not offer it', async () => {
  const agent = await enrolWith({ doubt: { tool: false } })
  await using session = await agent.open()
  assert(!(await session.listTools()).includes('airworthy_escalate'))
  const told = await session.call('airworthy_escalate', { reason: 'x' })
  assert.deepEqual([told.isError, at(told.value, 'code')], [true, 'tool.unknown'])
  const empty = await session.call('airworthy_escalate', {})
  assert.equal(at(empty.value, 'code'), 'tool.arguments_invalid')
})

test('words and fields of a reply hold the next write, whole or streamed', async () => {
  const agent = await enrolWith({ doubt: {} })
  for (const [text, stream, outcome] of [
    ["I'm not sure this is the order.", false, 'held'],
    ['I\u2019m not sure this is the order.', true, 'held'],
    ['{"answer": "x", "needs_human": true}', true, 'held'],
    ['I am sure that this is the order.', false, 'done'],
  ] as const) {
    await using session = await agent.open()
    await say(session, text, { stream })
    assert.equal(await write(session, '1'), outcome, text)
  }
})

test('a confidence below the minimum holds, one that is missing too', async () => {
  const agent = await enrolWith({
    confidence: { statement: { path: 'confidence', min: 0.8 }, logprobs: { min: 0.5 } },
  })
  await using session = await agent.open()
  assert.equal(await write(session, 'nobody said anything'), 'held')
  await say(session, '{"confidence": 0.9}')
  assert.equal(await write(session, 'sure'), 'done')
  await say(session, '{"confidence": 0.7}')
  assert.equal(await write(session, 'unsure'), 'held')
  await say(session, '{"confidence": 0.95}', { logprobs: true, seed: 40, stream: true })
  assert.equal(await write(session, 'words unsure'), 'held')
  await say(session, 'anything', { logprobs: true, seed: 90, stream: true })
  assert.equal(await write(session, 'words sure'), 'done')
  await say(session, 'no figure at all')
  assert.equal(await write(session, 'a reply without a figure'), 'held')
  assert.deepEqual(await firings(agent), [
    'confidence missing hold',
    'confidence stated hold',
    'confidence logprobs hold',
    'confidence missing hold',
  ])
})

test('a scorer is asked about each write; silence is no consent', async () => {
  const agent = await enrolWith({
    confidence: { scorer: { tool: 'desk/measure', path: 'score', min: 0.6 } },
  })
  await using session = await agent.open()
  const score = (value: unknown): void =>
    tools.direct(session.id, 'measure', () => ({
      content: [{ type: 'text', text: JSON.stringify({ score: value }) }],
    }))
  score(0.9)
  assert.equal(await write(session, '1'), 'done')
  const asked = tools.calls.find((call) => call.session === session.id)
  assert.deepEqual(asked?.args['arguments'], { order_id: '1' })
  score(0.5)
  assert.equal(await write(session, '2'), 'held')
  score('high')
  assert.equal(await write(session, '3'), 'held')
  tools.direct(session.id, 'measure', (call) => {
    call.cut()
    return { content: [] }
  })
  assert.equal(await write(session, '4'), 'held')
})

test('what is new is held once, and known on another gateway and in later sessions', async () => {
  const agent = await enrolWith({
    firstEncounter: { counterparties: { 'desk/write_order': 'order_id' } },
  })
  await using session = await agent.open({ task: 'orders' })
  assert.equal(await write(session, 'acme'), 'held')
  await approveAll(agent)
  await using owner = new AsyncDisposableStack()
  const dataDir = await temporaryDirectory(owner)
  await cp(join(server.dataDir, 'master.key'), join(dataDir, 'master.key'))
  const { databaseUrl } = ground
  const { operatorKey } = server
  const other = owner.use(await startServer({ databaseUrl, dataDir, operatorKey }))
  const opened = await client.openSession({ agent: agent.name, task: 'orders' })
  const { sessionKey } = opened
  await using there = agentClients({ url: other.url, apiKey: agent.apiKey, sessionKey })
  const known = await there.call('write_order', { order_id: 'acme' })
  assert.equal(known.isError, false, JSON.stringify(known.value))
  const stranger = await there.call('write_order', { order_id: 'umbrella' })
  assert.equal(at(stranger.value, 'held'), true)
  const form = await there.call('write_order', { order_id: 'acme', note: 'a word' })
  assert.equal(at(form.value, 'held'), true)
  const told = await firings(agent)
  assert.deepEqual(told, [
    'firstEncounter tool+arguments+counterparty+task hold',
    'firstEncounter counterparty hold',
    'firstEncounter arguments hold',
  ])
})

test('while it learns an agent goes on, and what was rejected is asked again', async () => {
  const agent = await enrolWith({ firstEncounter: { of: ['arguments'], learning: { calls: 2 } } })
  await using session = await agent.open()
  assert.equal(await write(session, '1'), 'done')
  assert.equal(await write(session, '2', { note: 'x' }), 'done')
  assert.equal(await write(session, '3', { amount: 5 }), 'held', 'the learning is over')
  const { holds } = await client.listHolds({ state: 'pending' })
  const hold = holds.find((each) => each.agent === agent.name)
  await client.rejectHold(hold?.id ?? '')
  assert.equal(await write(session, '4', { amount: 6 }), 'held', 'a rejected form stays new')
  assert.equal(await write(session, '5', { note: 'y' }), 'done', 'a learned form is known')
  assert.deepEqual(await firings(agent), [
    'firstEncounter arguments record',
    'firstEncounter arguments record',
    'firstEncounter arguments hold',
    'firstEncounter arguments hold',
  ])
})

test('an hour far above the agent’s own history holds, and people are told once', async () => {
  const agent = await enrolWith({ anomaly: { measures: ['calls'], atLeast: { calls: 3 } } })
  // Thirty hours with two calls each lie behind it.
  const hour = Math.floor(Date.now() / 3_600_000) - 1
  const watch = { hour, hours: 30, means: [2, 1], variances: [0, 0] }
  await database.query(
    `INSERT INTO airworthy.agent_watches (organisation_id, agent_id, watch, changed_at)
    SELECT organisation_id, agent_id, $2, now() FROM airworthy.agents WHERE name = $1`,
    [agent.name, JSON.stringify(watch)],
  )
  await using session = await agent.open()
  for (const order of ['1', '2', '3', '4']) assert.equal(await write(session, order), 'done')
  assert.equal(await write(session, '5'), 'held')
  assert.equal(await write(session, '6'), 'held')
  assert.equal((await session.call('get_order', { order_id: '1' })).isError, false)
  const { rows } = await database.query<{ detail: unknown }>(
    `SELECT detail FROM airworthy.outbox WHERE kind = 'escalation.anomaly'
      AND detail->>'session' = $1`,
    [session.id],
  )
  assert.equal(rows.length, 1)
  assert.equal(at(rows[0]?.detail, 'measures'), 'calls')
})

test('a trigger that hands over stops the whole session', async () => {
  // oxlint-disable-next-line unicorn/no-thenable -- the manifest's word; it is a text, no function
  const agent = await enrolWith({ doubt: { then: 'handover' } })
  await using session = await agent.open()
  await session.call('airworthy_escalate', { reason: 'I cannot tell' })
  assert.equal(await write(session, '1'), 'held')
  const reply = await session.call('get_order', { order_id: '1' })
  assert.equal(at(reply.value, 'code'), 'session.handed_over', JSON.stringify(reply.value))
  const entries = await readEntries(database)
  const told = entries.filter(
    ({ entry }) => entry['type'] === 'session.handed_over' && entry['session'] === session.id,
  )
  assert.equal(told.length, 1)
  assert.equal(at(told[0]?.entry, 'body.cause'), 'escalation.doubt')
})

test('an observing session goes on, and the record says what would have been held', async () => {
  const agent = await enrolWith({ materiality: { writes: 1 } })
  await using session = await agent.open({ mode: 'observe' })
  for (const order of ['1', '2', '3']) assert.equal(await write(session, order), 'done')
  assert.deepEqual(await firings(agent), ['materiality writes hold', 'materiality writes hold'])
  const { triggers } = await client.reportEscalation({ agent: agent.name })
  assert.deepEqual(
    triggers.map(({ trigger, fired, held, recorded }) => ({ trigger, fired, held, recorded })),
    [{ trigger: 'materiality', fired: 2, held: 0, recorded: 2 }],
  )
})

test('the report says which triggers, where, and what people decided', async () => {
  const tasks = { orders: { description: 'Orders', tools: ['desk/*'] } }
  const agent = await enrolWith(
    {
      materiality: { amounts: { USD: 1000 }, dataClasses: ['contact'] },
      competence: { provenTasks: { orders: { passed: 20, of: 20 } } },
    },
    {
      more: { tasks },
      tools: {
        'desk/find_customer': { effect: 'read', dataClasses: ['contact'] },
        'desk/refund': {
          effect: 'irreversible',
          amount: { argument: 'amount', currency: 'USD' },
        },
      },
    },
  )
  await using session = await agent.open({ task: 'orders' })
  const ask = async (orderId: string, amount: number): Promise<string> => {
    const reply = await session.call('refund', { order_id: orderId, amount })
    return at(reply.value, 'held') === true ? String(at(reply.value, 'id')) : 'done'
  }
  assert.equal(await ask('a', 9.99), 'done')
  await client.approveHold(await ask('b', 10))
  await client.rejectHold(await ask('c', 30))
  const found = await session.call('find_customer', { email: 'a@b.example' })
  assert.equal(at(found.value, 'held'), true, 'a read of such data is held as well')
  const report = await client.reportEscalation({ agent: agent.name })
  assert.equal(report.calls, 3)
  const [all] = report.triggers
  assert.deepEqual(
    [all?.trigger, all?.fired, all?.held, all?.approved, all?.rejected, all?.waiting],
    ['materiality', 3, 3, 1, 1, 1],
  )
  assert.deepEqual(
    report.codes.map(({ code, fired }) => `${code} ${fired}`),
    ['amount 2', 'data 1'],
  )
  assert.deepEqual(
    report.patterns.map(({ task, action, fired }) => `${task} ${action} ${fired}`),
    ['orders desk/refund 2', 'orders desk/find_customer 1'],
  )
})

test('a decision with triggers is explained and decided again alike', async () => {
  const agent = await enrolWith({
    firstEncounter: {},
    confidence: { statement: { path: 'confidence', min: 0.8 } },
    doubt: {},
  })
  await using session = await agent.open()
  await say(session, '{"confidence": 0.9}')
  assert.equal(await write(session, '1'), 'held')
  await session.call('airworthy_escalate', { reason: 'x' })
  const { calls } = await session.detail()
  for (const call of calls) {
    const explained = await client.explainCall(call.id)
    assert.equal(explained.agrees, true, `${call.action}: ${JSON.stringify(explained)}`)
  }
})
