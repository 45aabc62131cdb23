// Taking effects back: a call of its own, once, in its window, and never under a later effect.
import assert from 'node:assert/strict'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { behave, toolText } from './harness/fake-tools.ts'
import { enrol, quiet, startGround, type TestSession } from './harness/ground.ts'
import { asRecord, at, type Json } from './harness/json.ts'
import { reversible } from './harness/manifest.ts'
import { checkRecord, entriesOfCall, spentOf } from './harness/record.ts'
import { startServer, temporaryDirectory } from './harness/server.ts'
import { createGate, until } from './harness/until.ts'

const ground = await startGround()
after(async () => {
  try {
    await quiet(ground)
    await checkRecord(ground.server, ground.database)
  } finally {
    await ground[Symbol.asyncDispose]()
  }
})
const { tools, database } = ground
const { client } = ground.server

const touching: Json = { ...reversible, touches: ['order:{{args.order_id}}:{{session.id}}'] }
const touchingTools: Json = { 'desk/write_order': touching, 'desk/refund': touching }

async function write(session: TestSession, args: Json, tool = 'write_order'): Promise<string> {
  const reply = await session.call(tool, args)
  assert.equal(reply.isError, false, JSON.stringify(reply.value))
  return String(reply.meta['airworthy/call'])
}

function asked(session: string): number {
  return tools.calls.filter((one) => one.session === session && one.tool === 'undo_effect').length
}

async function stateOf(callId: string): Promise<string | undefined> {
  return (await client.getCall(callId)).effect?.state
}

test('an undo is a call of its own, with its intent, its outcome and its share of the budget', async () => {
  const agent = await enrol(ground, { limits: { session: { calls: 10 } } })
  await using session = await agent.open()
  const callId = await write(session, { order_id: 'a' })
  await client.undoCall(callId, { reason: 'a mistake' })
  const { calls, effects, budgets } = await session.detail()
  const [made, undo] = calls
  assert(made !== undefined && undo !== undefined)
  assert.deepEqual(
    [undo.kind, undo.action, undo.state, undo.verdict],
    ['undo', 'desk/undo_effect', 'done', 'allow'],
  )
  assert.equal(undo.effect?.id, effects[0]?.id)
  assert.deepEqual([effects.length, effects[0]?.undoCallId], [1, undo.id])
  const entries = (await entriesOfCall(database, undo.id)).map(({ entry }) => entry)
  assert.deepEqual(
    entries.map((entry) => [entry['type'], at(entry, 'body.kind')]),
    [
      ['call.intent', 'undo'],
      ['call.outcome', 'undo'],
    ],
  )
  assert.equal(at(entries[0], 'body.effect'), effects[0]?.id)
  const sent = tools.calls.find((one) => one.session === session.id && one.tool === 'undo_effect')
  assert.deepEqual([sent?.key, sent?.meta['airworthy/call']], [`undo:${effects[0]?.id}`, undo.id])
  const spent = spentOf(budgets, 'calls')
  assert.deepEqual([spent.settled, spent.reserved, spent.unknown], [2, 0, 0])
})

test('a session that is closed, and a budget that is used up, do not keep the world half done', async () => {
  const agent = await enrol(ground, { limits: { session: { calls: 1 } } })
  await using session = await agent.open()
  const callId = await write(session, { order_id: 'a' })
  await client.closeSession(session.id)
  assert.equal((await client.undoCall(callId)).effect?.state, 'undone')
  const spent = spentOf((await session.detail()).budgets, 'calls')
  assert.deepEqual([spent.settled, spent.overrun, spent.reserved], [1, 1, 0])
})

test('a later effect that touched the same thing stands in the way, and is named, until it is undone', async () => {
  const agent = await enrol(ground, { tools: touchingTools })
  await using session = await agent.open()
  const first = await write(session, { order_id: 'a', note: '1' })
  const other = await write(session, { order_id: 'b' })
  const second = await write(session, { order_id: 'a', note: '2' })
  const third = await write(session, { order_id: 'a' }, 'refund')
  const preview = await client.previewUndo(first)
  assert.deepEqual(preview.blockedBy, [third, second])
  assert.deepEqual([preview.tool, preview.until], ['desk/undo_effect', null])
  await assert.rejects(client.undoCall(first), (error: unknown) => {
    assert.equal(at(error, 'code'), 'effect.undo_blocked')
    assert.deepEqual(at(error, 'detail.blockedBy'), [third, second])
    return true
  })
  assert.equal(asked(session.id), 0)
  assert.equal((await client.undoCall(other)).effect?.state, 'undone')
  for (const callId of [third, second, first]) await client.undoCall(callId)
  assert.equal(tools.journal.filter((one) => one.session === session.id).length, 0)
})

test('what touches another thing, or is undone already, stands in nobody’s way', async () => {
  const agent = await enrol(ground, { tools: touchingTools })
  await using session = await agent.open()
  const first = await write(session, { order_id: 'a', note: '1' })
  const second = await write(session, { order_id: 'a', note: '2' })
  await client.undoCall(second)
  assert.deepEqual((await client.previewUndo(first)).blockedBy, [])
  assert.equal((await client.undoCall(first)).effect?.state, 'undone')
})

test('after its window an effect is not undone any more', async () => {
  const undo = { ...asRecord(reversible['undo']), windowSeconds: 1 }
  const agent = await enrol(ground, { tools: { 'desk/write_order': { ...reversible, undo } } })
  await using session = await agent.open()
  const callId = await write(session, { order_id: 'a' })
  const { until: end } = await client.previewUndo(callId)
  assert(end !== null)
  await until('the window to end', () => Date.now() > Date.parse(end) + 50)
  await assert.rejects(client.undoCall(callId), { code: 'effect.undo_expired' })
  assert.equal(asked(session.id), 0)
  assert.equal(await stateOf(callId), 'done')
})

test('of many who undo the same effect at once one asks the tool, and all hear that it is undone', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const callId = await write(session, { order_id: 'a' })
  const gate = createGate()
  tools.direct(session.id, 'undo_effect', async (call) => {
    await gate.passed
    return behave(tools.journal, call)
  })
  const undoing = Array.from({ length: 4 }, () => client.undoCall(callId))
  await until('the tool to be asked', () => asked(session.id) === 1)
  const repeat = session.call('write_order', { order_id: 'a' })
  gate.open()
  const calls = await Promise.all(undoing)
  assert.deepEqual(new Set(calls.map((call) => call.effect?.state)), new Set(['undone']))
  assert.equal(asked(session.id), 1)
  // Who asks for the write meanwhile waits for the undo, and then does it anew.
  assert.equal((await repeat).isError, false)
  assert.equal(tools.journal.filter((one) => one.session === session.id).length, 1)
  await assert.rejects(client.undoCall(callId), { code: 'effect.not_undoable' })
})

test('an undo that the tool refuses leaves the effect done: its repeat is answered, and it may be undone later', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const callId = await write(session, { order_id: 'a' })
  tools.direct(session.id, 'undo_effect', () => ({ ...toolText('not today'), isError: true }))
  await assert.rejects(client.undoCall(callId), {
    code: 'effect.not_undoable',
    message: /not today/,
  })
  assert.equal(await stateOf(callId), 'undo_failed')
  const repeat = await session.call('write_order', { order_id: 'a' })
  assert.equal(repeat.meta['airworthy/repeat-of'], callId)
  tools.direct(session.id, 'undo_effect', undefined)
  assert.equal((await client.undoCall(callId)).effect?.state, 'undone')
})

test('an undo whose answer is lost is found by the probe, and not asked for twice', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const callId = await write(session, { order_id: 'a' })
  tools.direct(session.id, 'undo_effect', (call) => {
    behave(tools.journal, call)
    call.cut()
    return toolText({})
  })
  assert.equal((await client.undoCall(callId)).effect?.state, 'undone')
  assert.equal(asked(session.id), 1)
})

test('an undo that never took place is asked for again only when it can take place no more', async () => {
  const agent = await enrol(ground, { toolTimeoutMs: 500 })
  await using session = await agent.open()
  const callId = await write(session, { order_id: 'a' })
  const times: number[] = []
  tools.direct(session.id, 'undo_effect', (call) => {
    times.push(performance.now())
    if (times.length > 1) return behave(tools.journal, call)
    call.cut()
    return toolText({})
  })
  assert.equal((await client.undoCall(callId)).effect?.state, 'undone')
  const [first = 0, second = 0] = times
  assert(times.length === 2 && second - first > 500, `${second - first} ms between the two`)
})

test('without a probe an undo stays open until a person says what became of it', async () => {
  const { probe: _probe, ...unprobed } = reversible
  const agent = await enrol(ground, { tools: { 'desk/write_order': unprobed } })
  await using session = await agent.open()
  const callId = await write(session, { order_id: 'a' })
  tools.direct(session.id, 'undo_effect', (call) => {
    behave(tools.journal, call)
    call.cut()
    return toolText({})
  })
  await assert.rejects(client.undoCall(callId), { code: 'effect.unknown' })
  await assert.rejects(client.undoCall(callId), { code: 'effect.unknown' })
  assert.equal(asked(session.id), 1)
  const [effect] = (await session.detail()).effects
  const reason = 'the journal of the tool says so'
  const resolved = await client.resolveEffect(effect?.id ?? '', { outcome: 'done', reason })
  assert.equal(resolved.state, 'undone')
})

const cuts = [
  { moment: 'before the tool took it back', isDone: false, asks: 2 },
  { moment: 'after the tool took it back', isDone: true, asks: 1 },
]
for (const { moment, isDone, asks } of cuts) {
  test(`a gateway that is killed ${moment} leaves an undo that another one finds out about`, async () => {
    await using owner = new AsyncDisposableStack()
    const { databaseUrl, server, upstream } = ground
    const dataDir = await temporaryDirectory(owner)
    await mkdir(dataDir, { recursive: true })
    await cp(join(server.dataDir, 'master.key'), join(dataDir, 'master.key'))
    const { operatorKey } = server
    const dying = owner.use(await startServer({ databaseUrl, dataDir, operatorKey }))
    const agent = await enrol({ server: dying, upstream, tools }, { toolTimeoutMs: 1000 })
    await using session = await agent.open()
    const callId = await write(session, { order_id: 'a' })
    const gate = createGate()
    tools.direct(session.id, 'undo_effect', async (call) => {
      if (isDone) behave(tools.journal, call)
      await gate.passed
      return toolText({})
    })
    const lost = dying.client.undoCall(callId).catch(() => undefined)
    await until('the undo to be under way', () => asked(session.id) === 1)
    await dying.kill()
    await lost
    gate.open()
    tools.direct(session.id, 'undo_effect', undefined)
    const settled = isDone ? 'undone' : 'done'
    await until('the undo to be found out', async () => (await stateOf(callId)) === settled)
    if (!isDone) await client.undoCall(callId)
    assert.equal(await stateOf(callId), 'undone')
    assert.equal(asked(session.id), asks)
    assert.equal(tools.journal.filter((one) => one.session === session.id).length, 0)
  })
}
