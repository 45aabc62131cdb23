// A session goes to a person and comes back, with the official clients: what its agent hears, what
// the person sees and does, and what becomes of what was under way.
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { createClient, type Client, type Handover } from '@airworthy/sdk'
import { ConflictError } from 'openai'
import { chat } from './harness/clients.ts'
import { behave } from './harness/fake-tools.ts'
import { enrol, standGround, type TestAgent, type TestSession } from './harness/ground.ts'
import { at, asRecord, type Json } from './harness/json.ts'
import { lockLog } from './harness/locks.ts'
import { entriesOfCall, readEntries } from './harness/record.ts'
import { createGate, until } from './harness/until.ts'

const ground = await standGround()
const { tools, server, upstream, database } = ground
const { client } = server

const holdRefunds: Json = { id: 'big', effect: 'hold', tools: ['desk/refund'], reason: 'ask' }

async function otherOperator(): Promise<Client> {
  const { key } = await client.addOperator({
    name: `person-${crypto.randomUUID()}`,
    role: 'operator',
  })
  return createClient({ baseUrl: server.url, key })
}

type Asked = { readonly status: number; readonly headers: Headers; readonly body: Json }

async function ask(agent: TestAgent, session: TestSession, query = ''): Promise<Asked> {
  const url = `${server.url}/s/${session.sessionKey}/handover${query}`
  const response = await fetch(url, { headers: { authorization: `Bearer ${agent.apiKey}` } })
  const body: unknown = JSON.parse(await response.text())
  return { status: response.status, headers: response.headers, body: asRecord(body) }
}

function handOver(session: TestSession): Promise<Handover> {
  return client.handOverSession(session.id, { reason: 'a customer complains' })
}

async function handOverAndTake(session: TestSession): Promise<Handover> {
  const { id } = await handOver(session)
  return client.takeHandover(id)
}

function executed(session: TestSession): number {
  return tools.journal.filter((call) => call.session === session.id).length
}

async function entryTypes(session: TestSession): Promise<unknown[]> {
  const entries = await readEntries(database)
  return entries
    .filter(({ entry }) => entry['session'] === session.id)
    .map(({ entry }) => entry['type'])
}

test('the agent is stopped on both wires, finally, and nothing of it reaches anybody', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open({ task: 'orders', endUser: 'Mia' })
  await session.call('write_order', { order_id: 'a' })
  await session.post(chat())
  const { id, cause, state } = await handOver(session)
  assert.deepEqual([cause, state], ['operator', 'open'])
  const called = await session.call('write_order', { order_id: 'b' })
  assert.equal(called.isError, true)
  assert.equal(at(called.value, 'code'), 'session.handed_over')
  const handover = { id, poll: '/handover', tool: 'airworthy_handover' }
  assert.deepEqual(at(called.value, 'handover'), handover)
  // The official client retries 409 by itself, unless it is told not to.
  const refused = await session.openai.chat.completions
    .create({ model: 'fake', max_tokens: 50, messages: [{ role: 'user', content: 'Hi' }] })
    .then(
      () => assert.fail('it was answered'),
      (error: unknown) => error,
    )
  assert(refused instanceof ConflictError)
  assert.equal(refused.code, 'session.handed_over')
  assert.equal(refused.headers.get('x-should-retry'), 'false')
  const denied = (await session.detail()).calls.filter((call) => call.state === 'denied')
  assert.equal(denied.length, 2, 'no client has asked again')
  assert.equal(executed(session), 1)
  assert.equal(upstream.asked(agent.name).length, 1)
  assert.equal((await client.getSession(session.id)).session.state, 'handed_over')
  assert.equal((await session.detail()).session.facts.denied, 0, 'no denial that a rule counts')
})

test('a person reads what happened, and that they read it is in the log before the first byte', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open({ task: 'orders', endUser: 'Mia' })
  await session.post(chat())
  const written = await session.call('write_order', { order_id: 'a', note: 'gift' })
  const { id } = await handOver(session)
  const detail = await client.getHandover(id)
  assert.deepEqual([detail.handover.task, detail.handover.endUser], ['orders', 'Mia'])
  assert.deepEqual([detail.lastTool?.action, detail.lastTool?.state], ['desk/write_order', 'done'])
  assert.deepEqual([detail.lastModel?.action, detail.session.facts.writes], ['fake', 1])
  // While the log cannot be written, nothing is read.
  const locked = await lockLog(ground.databaseUrl)
  let hasAnswer = false
  const reading = client.readTranscript(id).finally(() => (hasAnswer = true))
  await until('the reader to wait for the log', async () => {
    const waiting = await database.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
    return waiting.rows.length > 0
  })
  assert.equal(hasAnswer, false)
  await locked.release()
  const { steps, next } = await reading
  assert.equal(next, null)
  assert.deepEqual(
    steps.map(({ kind, action, said }) => [kind, action, said.map(({ role }) => role)]),
    [
      ['model', 'fake', ['user', 'assistant']],
      ['tool', 'desk/write_order', ['arguments', 'result']],
    ],
  )
  assert.deepEqual(steps[0]?.said[0], { role: 'user', text: 'Hi' })
  assert.deepEqual(JSON.parse(steps[1]?.said[0]?.text ?? ''), { order_id: 'a', note: 'gift' })
  // One entry for the page: it names exactly the calls that were opened.
  const entries = await readEntries(database)
  const opened = entries.filter(({ entry }) => at(entry, 'body.operation') === 'read-transcript')
  const calls = steps.map((step) => step.id)
  assert.deepEqual(
    opened.map(({ entry }) => [entry['type'], entry['session'], at(entry, 'body.calls')]),
    [['access.payload', session.id, hash('sha256', JSON.stringify(calls), 'base64url')]],
  )
  for (const call of [...calls, String(written.meta['airworthy/call'])]) {
    const { accesses } = await client.listAccesses({ call })
    assert.deepEqual(
      accesses.map((access) => [access.operation, access.calls]),
      [['read-transcript', calls]],
    )
  }
})

test('an agent waits, hears what the person tells the user at once, its own words with the session', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open({ endUser: 'Mia' })
  assert.equal((await ask(agent, session)).body['error'] !== undefined, true)
  const { id } = await handOver(session)
  const first = await ask(agent, session)
  assert.deepEqual([first.status, first.body['state'], first.body['messages']], [200, 'open', []])
  const waitFor = (version: unknown) => ask(agent, session, `?wait=30&version=${String(version)}`)
  const hearing = waitFor(first.body['version'])
  await client.takeHandover(id)
  const taken = await hearing
  assert.equal(taken.body['state'], 'taken')
  const hearingWords = waitFor(taken.body['version'])
  await client.sayInStead(id, { to: 'user', text: 'A colleague looks into it.' })
  const told = await hearingWords
  assert.equal(at(told.body, 'messages.0.text'), 'A colleague looks into it.')
  await client.sayInStead(id, { to: 'agent', text: 'Order a is refunded; say so.' })
  const still = await ask(agent, session)
  assert.equal(at(still.body, 'messages.length') ?? 1, 1)
  const hearingBack = waitFor(still.body['version'])
  await client.giveBack(id)
  const back = await hearingBack
  assert.equal(back.body['state'], 'returned')
  const messages = back.body['messages']
  assert(Array.isArray(messages))
  assert.deepEqual(
    messages.map((message) => [at(message, 'to'), at(message, 'text')]),
    [
      ['user', 'A colleague looks into it.'],
      ['agent', 'Order a is refunded; say so.'],
    ],
  )
  assert.equal((await session.post(chat())).status, 200)
  assert.deepEqual((await session.call('write_order', { order_id: 'a' })).isError, false)
  const types = await entryTypes(session)
  const handed = types.filter((type) => /^(?:session\.handed|handover\.)/.test(String(type)))
  assert.deepEqual(handed, [
    'session.handed_over',
    'handover.taken',
    'handover.said',
    'handover.said',
    'handover.returned',
  ])
})

test('a hundred of one session may wait for a person; others still can', async () => {
  const [one, two] = [await enrol(ground), await enrol(ground)]
  await using crowded = await one.open()
  await using quiet = await two.open()
  const [first] = [await handOver(crowded), await handOver(quiet)]
  const answers: Asked[] = []
  const all = Array.from({ length: 105 }, () =>
    ask(one, crowded, '?wait=60').then((answer) => answers.push(answer)),
  )
  await until('those to be refused for whom there is no place', () => answers.length >= 5)
  assert.deepEqual(
    answers.map(({ status, body }) => [status, at(body, 'error.code')]),
    Array.from({ length: 5 }, () => [429, 'gateway.overloaded']),
  )
  assert.notEqual(answers[0]?.headers.get('retry-after'), null)
  assert.equal((await ask(one, crowded)).status, 200, 'who does not wait needs no place')
  assert.equal((await ask(two, quiet, '?wait=1')).status, 200)
  await client.takeHandover(first.id)
  await Promise.all(all)
  assert.equal(answers.filter(({ status }) => status === 200).length, 100)
})

test('a person calls in the agent’s stead: the pact decides, and the person is its author', async () => {
  const agent = await enrol(ground, {
    rules: [{ id: 'no-notify', effect: 'deny', tools: ['desk/notify'] }, holdRefunds],
  })
  await using session = await agent.open()
  const { id } = await handOverAndTake(session)
  const done = await client.callInStead(id, {
    tool: 'desk/write_order',
    arguments: { order_id: 'a' },
  })
  assert.deepEqual([done.decision, done.isError, executed(session)], ['allow', false, 1])
  const [intent] = (await entriesOfCall(database, done.callId)).map(({ entry }) => entry)
  const me = (await client.listOperators()).operators[0]
  assert.deepEqual([at(intent, 'body.operator'), at(intent, 'body.handover')], [me?.id, id])
  const { steps } = await client.readTranscript(id)
  assert.equal(steps[0]?.operatorId, me?.id)
  const denied = await client.callInStead(id, { tool: 'desk/notify', arguments: { note: 'x' } })
  assert.deepEqual(
    [denied.decision, at(denied.result, 'structuredContent.code')],
    ['deny', 'policy.denied'],
  )
  const held = await client.callInStead(id, {
    tool: 'desk/refund',
    arguments: { order_id: 'a', amount: 5 },
  })
  assert.equal(held.decision, 'hold')
  const holdId = String(at(held.result, 'structuredContent.id'))
  // Who made the call does not approve it.
  await assert.rejects(client.approveHold(holdId), { code: 'vote.forbidden' })
  assert.equal(executed(session), 1)
  const decided = await (await otherOperator()).approveHold(holdId)
  assert.equal(decided.call.state, 'done')
  assert.equal(executed(session), 2)
  // The agent, back at work, hears of what was done in its stead as of its own.
  await client.giveBack(id)
  const repeat = await session.call('write_order', { order_id: 'a' })
  assert.equal(repeat.meta['airworthy/repeat-of'], done.callId)
  assert.equal(executed(session), 2)
})

test('what a session only observes of its agent is enforced for whoever acts in its stead', async () => {
  const agent = await enrol(ground, {
    rules: [{ id: 'no-notify', effect: 'deny', tools: ['desk/notify'] }, holdRefunds],
  })
  await using session = await agent.open({ mode: 'observe' })
  const { id } = await handOverAndTake(session)
  const act = (tool: string, args: Json) =>
    client.callInStead(id, { tool: `desk/${tool}`, arguments: args })
  assert.equal((await act('notify', { note: 'x' })).decision, 'deny')
  const held = await act('refund', { order_id: 'a', amount: 5 })
  assert.equal(held.decision, 'hold')
  const holdId = String(at(held.result, 'structuredContent.id'))
  await assert.rejects(client.approveHold(holdId), { code: 'vote.forbidden' })
  assert.equal(executed(session), 0, 'nobody acts alone')
  await (await otherOperator()).approveHold(holdId)
  assert.equal(executed(session), 1)
})

test('one person at a time: only who took it acts, and taking over is asked for and recorded', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const other = await otherOperator()
  const { id } = await handOver(session)
  const act = (who: Client) =>
    who.callInStead(id, { tool: 'desk/get_order', arguments: { order_id: 'a' } })
  await assert.rejects(act(client), { code: 'handover.not_taken' })
  await assert.rejects(client.giveBack(id), { code: 'handover.not_taken' })
  await client.takeHandover(id)
  assert.equal((await client.takeHandover(id)).state, 'taken')
  await assert.rejects(other.takeHandover(id), { code: 'handover.taken' })
  await assert.rejects(act(other), { code: 'handover.not_taken' })
  await assert.rejects(other.sayInStead(id, { to: 'user', text: 'x' }), {
    code: 'handover.not_taken',
  })
  assert.equal((await act(client)).isError, false)
  await other.takeHandover(id, { fromAnother: true })
  await assert.rejects(act(client), { code: 'handover.not_taken' })
  assert.equal((await act(other)).isError, false)
  await other.giveBack(id)
  await assert.rejects(act(other), { code: 'handover.settled' })
  await assert.rejects(other.takeHandover(id), { code: 'handover.settled' })
  const again = await handOver(session)
  assert.notEqual(again.id, id)
  assert.equal((await handOver(session)).id, again.id, 'a second time changes nothing')
  await client.takeHandover(again.id)
  assert.equal((await client.closeHandover(again.id)).state, 'closed')
  assert.equal((await client.getHandover(again.id)).handover.state, 'closed')
  const refused = await session.post(chat())
  assert.equal(refused.code, 'session.closed')
})

test('streams end, queued calls are refused, and a write in flight is carried to its end', async () => {
  const limits = { session: { calls: 99, tokens: 1_000_000 }, concurrency: 1 }
  const agent = await enrol(ground, { behaviour: 'gated-end', limits })
  await using session = await agent.open()
  const gate = createGate()
  tools.direct(session.id, 'write_order', async (call) => {
    await gate.passed
    return behave(tools.journal, call)
  })
  upstream.gate(agent.name)
  const writing = session.call('write_order', { order_id: 'a' })
  const streaming = session.post(chat({ stream: true }))
  await until('the stream', () => upstream.asked(agent.name).length === 1)
  const queued = session.post(chat())
  await until('the write', () => tools.calls.some((call) => call.session === session.id))
  await until('the queue', async () => (await client.listUpstreams()).admission.waiting === 1)
  const { id } = await handOver(session)
  const cut = await streaming
  assert.match(cut.text, /session\.handed_over/)
  assert(!cut.text.includes('[DONE]'))
  const waited = await queued
  assert.deepEqual([waited.status, waited.code], [409, 'session.handed_over'])
  assert.equal(waited.headers.get('x-should-retry'), 'false')
  assert.equal(at(JSON.parse(waited.text), 'error.detail.handover.id'), id)
  gate.open()
  assert.equal((await writing).isError, false, 'what was begun is done')
  assert.equal(executed(session), 1)
  await until('the upstream to be left', () => upstream.asked(agent.name)[0]?.isGone === true)
  const { calls } = await session.detail()
  const stream = calls.find((call) => call.kind === 'model')
  assert.deepEqual([stream?.state, stream?.code], ['unknown', 'session.handed_over'])
})

test('held calls wait on, and what people approve is done although the agent is stopped', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const held = await session.call('refund', { order_id: 'a', amount: 5 })
  const holdId = String(at(held.value, 'id'))
  const { id } = await handOver(session)
  const { holds, openEffects } = await client.getHandover(id)
  assert.deepEqual([holds[0]?.holdId, openEffects[0]?.state], [holdId, 'held'])
  const again = await session.call('refund', { order_id: 'a', amount: 5 })
  assert.equal(at(again.value, 'code'), 'session.handed_over')
  assert.equal((await client.approveHold(holdId)).call.state, 'done')
  assert.equal(executed(session), 1)
  await client.takeHandover(id)
  await client.giveBack(id)
  const repeat = await session.call('refund', { order_id: 'a', amount: 5 })
  assert.deepEqual([repeat.isError, executed(session)], [false, 1])
})

test('what people write anew in place of a held call is held and done, and the agent stays stopped', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const held = await session.call('refund', { order_id: 'a', amount: 50 })
  await handOver(session)
  const edited = await client.editHold(String(at(held.value, 'id')), {
    arguments: { order_id: 'a', amount: 5 },
  })
  assert.equal(edited.call.state, 'held')
  const decided = await (await otherOperator()).approveHold(edited.hold?.id ?? '')
  assert.equal(decided.call.state, 'done')
  assert.equal(executed(session), 1)
  assert.equal(
    at((await session.call('get_order', { order_id: 'a' })).value, 'code'),
    'session.handed_over',
  )
})

test('what a person is refused is not held against the agent, nor against its run', async () => {
  const noNotify: Json = { id: 'no-notify', effect: 'deny', tools: ['desk/notify'] }
  const agent = await enrol(ground, { runs: { onDenied: 'compensate' }, rules: [noNotify] })
  await using session = await agent.open()
  await session.call('write_order', { order_id: 'a' }, { 'airworthy/run': 'trip' })
  const { id } = await handOverAndTake(session)
  const denied = await client.callInStead(id, {
    tool: 'desk/notify',
    arguments: { note: 'x' },
    run: 'trip',
  })
  assert.equal(denied.decision, 'deny')
  const { runs } = await client.getHandover(id)
  assert.deepEqual(
    runs.map(({ name, state }) => [name, state]),
    [['trip', 'open']],
  )
  assert.equal((await session.detail()).session.facts.denied, 0)
  await client.giveBack(id)
})

test('the agent cannot complete its run, nor take it back, while a person has the session', async () => {
  const agent = await enrol(ground, { runs: {} })
  await using session = await agent.open()
  await session.call('write_order', { order_id: 'a' }, { 'airworthy/run': 'trip' })
  const { id } = await handOverAndTake(session)
  const run = async (command: string): Promise<Json> => {
    const url = `${server.url}/s/${session.sessionKey}/runs/trip/${command}`
    const headers = { authorization: `Bearer ${agent.apiKey}` }
    const response = await fetch(url, { method: 'POST', headers })
    return asRecord(JSON.parse(await response.text()))
  }
  assert.equal(at(await run('complete'), 'error.code'), 'session.handed_over')
  assert.equal(at(await run('abort'), 'error.code'), 'session.handed_over')
  assert.deepEqual(
    (await client.getHandover(id)).runs.map(({ name, state }) => [name, state]),
    [['trip', 'open']],
  )
  await client.giveBack(id)
  assert.equal((await run('complete'))['state'], 'completed')
})
