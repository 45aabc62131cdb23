// Runs (sagas): a chain of writes that fails half-way leaves nothing half done.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunDetail } from '@airworthy/sdk'
import { behave, toolText } from './harness/fake-tools.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { reversible } from './harness/manifest.ts'
import { createGate, until } from './harness/until.ts'

const ground = await standGround()
const { tools, server } = ground
const { client } = server

const run = { 'airworthy/run': 'trip' }
const refused = { isError: true, content: [{ type: 'text' as const, text: 'no seats left' }] }

function inWorld(session: TestSession): unknown[] {
  return tools.journal
    .filter((call) => call.session === session.id)
    .map((call) => call.args['order_id'] ?? call.args['note'])
}

/** The orders that were undone, in the order in which it happened. */
function undone(session: TestSession, effects: RunDetail['steps']): string[] {
  const calls = tools.calls.filter(
    (call) => call.session === session.id && call.tool === 'undo_effect',
  )
  const keys = new Map(effects.map((step) => [step.effectId, step.callId]))
  return calls.map((call) => {
    const effectId = String(call.key).replace('undo:', '')
    return keys.get(effectId) ?? 'unknown'
  })
}

async function runOf(session: TestSession, name: string | null = 'trip'): Promise<RunDetail> {
  const { runs } = await client.listRuns({ session: session.id })
  const found = runs.find((each) => each.name === name)
  assert(found !== undefined, 'there is a run of this name')
  return client.getRun(found.id)
}

function ended(session: TestSession, state: string, name: string | null = 'trip') {
  return until(`the run to be ${state}`, async () => {
    const detail = await runOf(session, name)
    return detail.run.state === state && detail
  })
}

async function write(session: TestSession, order: string, meta: Json = run): Promise<Json> {
  const reply = await session.call('write_order', { order_id: order }, meta)
  return { code: at(reply.value, 'code'), isError: reply.isError }
}

test('a step that fails takes the done ones back, the last first, and closes the run', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  for (const order of ['a', 'b', 'c']) await write(session, order)
  tools.direct(session.id, 'refund', () => refused)
  const failed = await session.call('refund', { order_id: 'd', amount: 1 }, run)
  assert.equal(failed.isError, true)
  assert.equal(at(await write(session, 'e'), 'code'), 'run.closed')
  const { run: closed, steps, progress } = await ended(session, 'compensated')
  assert.equal(closed.reason, 'call.failed')
  assert.equal(closed.closedByCall, failed.meta['airworthy/call'])
  assert.deepEqual(
    steps.map((step) => step.state),
    ['undone', 'undone', 'undone', 'failed'],
  )
  assert.deepEqual(progress, { steps: 4, undone: 3, standing: 0, left: 0 })
  assert.deepEqual(inWorld(session), [])
  const made = steps.slice(0, 3).map((step) => step.callId)
  assert.deepEqual(undone(session, steps), made.toReversed())
})

test('a run that is completed keeps what it did, and takes no more calls', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  await write(session, 'a')
  await write(session, 'b')
  const { run: open } = await runOf(session)
  assert.equal(open.state, 'open')
  assert.equal((await client.completeRun(open.id)).state, 'completed')
  assert.equal(at(await write(session, 'c'), 'code'), 'run.closed')
  // Outside the run the session goes on.
  assert.equal(at(await write(session, 'd', {}), 'isError'), false)
  assert.deepEqual(inWorld(session), ['a', 'b', 'd'])
})

test('without a run nothing is taken back', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  await write(session, 'a', {})
  tools.direct(session.id, 'refund', () => refused)
  await session.call('refund', { order_id: 'b', amount: 1 })
  assert.equal(at(await write(session, 'c', {}), 'isError'), false)
  assert.deepEqual(inWorld(session), ['a', 'c'])
  assert.deepEqual((await client.listRuns({ session: session.id })).runs, [])
})

test('a denial for exceeding its authority takes a run back, a malformed call does not', async () => {
  const agent = await enrol(ground, {
    rules: [{ id: 'no-refunds', effect: 'deny', tools: ['desk/refund'] }],
  })
  await using session = await agent.open()
  await write(session, 'a')
  const malformed = await session.call('write_order', { order_id: 7 }, run)
  assert.equal(at(malformed.value, 'code'), 'tool.arguments_invalid')
  assert.equal((await runOf(session)).run.state, 'open')
  await session.call('refund', { order_id: 'b', amount: 1 }, run)
  const { run: closed } = await ended(session, 'compensated')
  assert.equal(closed.reason, 'policy.denied')
  assert.deepEqual(inWorld(session), [])
})

test('a pact may keep what was done when a step fails or is denied', async () => {
  const agent = await enrol(ground, {
    runs: { onFailure: 'keep', onDenied: 'keep' },
    rules: [{ id: 'no-notes', effect: 'deny', tools: ['desk/notify'] }],
  })
  await using session = await agent.open()
  await write(session, 'a')
  tools.direct(session.id, 'refund', () => refused)
  await session.call('refund', { order_id: 'b', amount: 1 }, run)
  await session.call('notify', { note: 'x' }, run)
  assert.equal((await runOf(session)).run.state, 'open')
  assert.deepEqual(inWorld(session), ['a'])
})

test('an abort waits for the step under way and undoes it too', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  await write(session, 'a')
  const gate = createGate()
  const asked = createGate()
  tools.direct(session.id, 'write_order', async (call) => {
    asked.open()
    await gate.passed
    return behave(tools.journal, call)
  })
  const slow = write(session, 'b')
  await asked.passed
  const { run: open } = await runOf(session)
  assert.equal((await client.abortRun(open.id)).state, 'compensating')
  assert.equal(at(await write(session, 'c'), 'code'), 'run.closed')
  assert.deepEqual(inWorld(session), ['a'], 'nothing is undone before the last step is known')
  gate.open()
  await slow
  const { steps } = await ended(session, 'compensated')
  assert.deepEqual(inWorld(session), [])
  assert.deepEqual(undone(session, steps), steps.map((step) => step.callId).toReversed())
})

test('an unknown step is found out before anything is undone', async () => {
  const agent = await enrol(ground, { toolTimeoutMs: 1000 })
  await using session = await agent.open()
  await write(session, 'a')
  tools.direct(session.id, 'write_order', (call) => {
    behave(tools.journal, call)
    call.cut()
    return toolText('lost')
  })
  await write(session, 'b')
  const { run: open } = await runOf(session)
  await client.abortRun(open.id)
  const { steps } = await ended(session, 'compensated')
  assert.deepEqual(
    steps.map((step) => step.state),
    ['undone', 'undone'],
  )
  assert.deepEqual(inWorld(session), [])
})

test('an irreversible step is deferred, carried out when the run is completed, once', async () => {
  const agent = await enrol(ground, { runs: { irreversibleLast: true } })
  await using session = await agent.open()
  const deferred = await session.call('notify', { note: 'sent' }, run)
  assert.deepEqual(
    [at(deferred.value, 'deferred'), at(deferred.value, 'code')],
    [true, 'run.deferred'],
  )
  const again = await session.call('notify', { note: 'sent' }, run)
  assert.equal(at(again.value, 'id'), at(deferred.value, 'id'))
  await write(session, 'a')
  assert.deepEqual(inWorld(session), ['a'])
  const { run: open } = await runOf(session)
  assert.equal((await client.completeRun(open.id)).state, 'completing')
  const { steps } = await ended(session, 'completed')
  assert.deepEqual(inWorld(session), ['a', 'sent'])
  assert.deepEqual(steps.map((step) => step.state).toSorted(), ['done', 'done'])
})

test('what was deferred is never carried out when its run is taken back', async () => {
  const agent = await enrol(ground, { runs: { irreversibleLast: true } })
  await using session = await agent.open()
  await write(session, 'a')
  const deferred = await session.call('notify', { note: 'sent' }, run)
  const { run: open } = await runOf(session)
  await client.abortRun(open.id)
  const { steps } = await ended(session, 'compensated')
  assert.deepEqual(inWorld(session), [])
  assert.deepEqual(
    steps.map((step) => step.state),
    ['undone', 'denied'],
  )
  const hold = await client.getHold(String(at(deferred.value, 'id')))
  assert.equal(hold.state, 'cancelled')
  const call = await client.getCall(String(deferred.meta['airworthy/call']))
  assert.deepEqual([call.state, call.code], ['denied', 'run.closed'])
})

test('what cannot be undone is reported until an operator settles it', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  await write(session, 'a')
  await session.call('notify', { note: 'sent' }, run)
  await write(session, 'b')
  const { run: open } = await runOf(session)
  await client.abortRun(open.id)
  const stuck = await ended(session, 'stuck')
  assert.deepEqual(
    stuck.steps.map(({ state, isLeft, code }) => [state, isLeft, code]),
    [
      ['undone', false, null],
      ['done', true, 'effect.not_undoable'],
      ['undone', false, null],
    ],
  )
  assert.deepEqual(inWorld(session), ['sent'])
  const settled = await client.settleRun(open.id, { reason: 'the customer was told' })
  assert.deepEqual([settled.state, settled.settledReason], ['settled', 'the customer was told'])
})

test('an undo that fails is tried again, and a run that is stuck can be undone later', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  await write(session, 'a')
  let failures = 0
  tools.direct(session.id, 'undo_effect', (call) => {
    failures += 1
    return failures <= 2 ? refused : behave(tools.journal, call)
  })
  const { run: open } = await runOf(session)
  await client.abortRun(open.id)
  const { steps } = await ended(session, 'compensated')
  assert.equal(steps[0]?.attempts, 2)
  assert.deepEqual(inWorld(session), [])
})

test('a run that is not completed in time is taken back', async () => {
  const agent = await enrol(ground, { runs: { expiresAfterSeconds: 1 } })
  await using session = await agent.open()
  await write(session, 'a')
  const { run: closed } = await ended(session, 'compensated')
  assert.equal(closed.reason, 'run.expired')
  assert.deepEqual(inWorld(session), [])
})

test('a held step that is rejected takes its run back', async () => {
  const agent = await enrol(ground, {
    rules: [{ id: 'ask', effect: 'hold', tools: ['desk/refund'] }],
  })
  await using session = await agent.open()
  await write(session, 'a')
  const held = await session.call('refund', { order_id: 'b', amount: 1 }, run)
  const { run: open } = await runOf(session)
  await assert.rejects(client.completeRun(open.id), { code: 'run.unfinished' })
  await client.rejectHold(String(at(held.value, 'id')))
  await ended(session, 'compensated')
  assert.deepEqual(inWorld(session), [])
})

test('a held step that is approved joins its run, and is undone with it', async () => {
  const agent = await enrol(ground, {
    rules: [{ id: 'ask', effect: 'hold', tools: ['desk/refund'] }],
  })
  await using session = await agent.open()
  const held = await session.call('refund', { order_id: 'b', amount: 1 }, run)
  await client.approveHold(String(at(held.value, 'id')))
  assert.deepEqual(inWorld(session), ['b'])
  const { run: open } = await runOf(session)
  await client.abortRun(open.id)
  await ended(session, 'compensated')
  assert.deepEqual(inWorld(session), [])
})

test('an approved irreversible step still waits for its run', async () => {
  const agent = await enrol(ground, {
    runs: { irreversibleLast: true },
    rules: [{ id: 'ask', effect: 'hold', tools: ['desk/notify'] }],
  })
  await using session = await agent.open()
  const held = await session.call('notify', { note: 'sent' }, run)
  assert.equal(at(held.value, 'code'), 'call.held')
  const { hold } = await client.approveHold(String(at(held.value, 'id')))
  assert.equal(hold.state, 'deferred')
  assert.deepEqual(inWorld(session), [])
  const { run: open } = await runOf(session)
  await client.completeRun(open.id)
  await ended(session, 'completed')
  assert.deepEqual(inWorld(session), ['sent'])
})

test('a pact can make every session one run', async () => {
  const agent = await enrol(ground, { runs: { wholeSession: true } })
  await using session = await agent.open()
  await write(session, 'a', {})
  await write(session, 'b', {})
  tools.direct(session.id, 'refund', () => refused)
  await session.call('refund', { order_id: 'c', amount: 1 })
  const { run: closed } = await ended(session, 'compensated', null)
  assert.equal(closed.name, null)
  assert.deepEqual(inWorld(session), [])
  assert.equal(at(await write(session, 'd', {}), 'code'), 'run.closed')
  await using other = await agent.open()
  await write(other, 'a', {})
  await client.closeSession(other.id)
  assert.equal((await runOf(other, null)).run.state, 'completed')
  assert.deepEqual(inWorld(other), ['a'])
})

test('a plain session can be undone as a whole, after a look at what that would do', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  await write(session, 'a', {})
  await session.call('refund', { order_id: 'b', amount: 12.5 })
  await session.call('notify', { note: 'sent' })
  const preview = await client.previewSession(session.id)
  assert.deepEqual(
    preview.steps.map(({ action, verdict }) => [action, verdict]),
    [
      ['desk/notify', 'cannot'],
      ['desk/refund', 'undo'],
      ['desk/write_order', 'undo'],
    ],
  )
  assert.deepEqual(preview.money, [{ currency: 'USD', undone: '1250', left: '0' }])
  assert.deepEqual(inWorld(session), ['a', 'b', 'sent'], 'a preview changes nothing')
  await client.undoSession(session.id)
  assert.equal(at(await write(session, 'c', {}), 'code'), 'run.closed')
  await ended(session, 'stuck', null)
  assert.deepEqual(inWorld(session), ['sent'])
})

test('an agent completes and aborts the runs of its own session, and no others', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  await using other = await agent.open()
  const ask = async (from: TestSession, path: string, method = 'POST') => {
    const response = await fetch(`${server.url}/s/${from.sessionKey}/runs/${path}`, {
      method,
      headers: { authorization: `Bearer ${agent.apiKey}` },
    })
    const body: unknown = await response.json()
    return { status: response.status, state: at(body, 'state'), code: at(body, 'error.code') }
  }
  await write(session, 'a')
  assert.equal((await ask(other, 'trip/abort')).code, 'run.unknown')
  assert.deepEqual(await ask(session, 'trip', 'GET'), {
    status: 200,
    state: 'open',
    code: undefined,
  })
  assert.equal((await ask(session, 'trip/complete')).state, 'completed')
  assert.equal((await ask(session, 'trip/abort')).code, 'run.closed')
  await write(session, 'b', { 'airworthy/run': 'next' })
  assert.equal((await ask(session, 'next/abort')).state, 'compensating')
  await ended(session, 'compensated', 'next')
  assert.deepEqual(inWorld(session), ['a'])
  const wrong = await session
    .call('write_order', { order_id: 'z' }, { 'airworthy/run': 'a b' })
    .then(() => 'it was taken', String)
  assert.match(wrong, /a run has a name/)
})

test('a launcher opens a run before the agent does, with a policy of its own', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const opened = await client.openRun(session.id, { name: 'trip', onFailure: 'keep' })
  assert.deepEqual(
    [opened.state, opened.onFailure, opened.onDenied],
    ['open', 'keep', 'compensate'],
  )
  await assert.rejects(client.openRun(session.id, { name: 'trip' }), { code: 'run.exists' })
  await write(session, 'a')
  tools.direct(session.id, 'refund', () => refused)
  await session.call('refund', { order_id: 'b', amount: 1 }, run)
  assert.equal((await runOf(session)).run.state, 'open')
  assert.equal((await runOf(session)).steps.length, 2)
})

test('two runs of one session stand and fall apart', async () => {
  const agent = await enrol(ground, {
    tools: { 'desk/write_order': reversible, 'desk/refund': reversible },
  })
  await using session = await agent.open()
  const other = { 'airworthy/run': 'hotel' }
  await write(session, 'a')
  await write(session, 'b', other)
  tools.direct(session.id, 'refund', () => refused)
  await session.call('refund', { order_id: 'c' }, run)
  await ended(session, 'compensated')
  assert.deepEqual(inWorld(session), ['b'])
  assert.equal((await runOf(session, 'hotel')).run.state, 'open')
})
