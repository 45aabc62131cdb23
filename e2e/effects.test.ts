// At most one effect for an effect key: repeats, calls in flight, failures and unknown outcomes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { behave, toolText } from './harness/fake-tools.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { at } from './harness/json.ts'
import { reversible } from './harness/manifest.ts'
import { spentOf } from './harness/record.ts'
import { createGate, until } from './harness/until.ts'

const ground = await standGround()
const { tools } = ground

const writeOrder = { 'desk/write_order': { ...reversible, key: '{{args.order_id}}' } }

function executed(session: string) {
  return tools.journal.filter((call) => call.session === session)
}

function asked(session: string, tool: string): number {
  return tools.calls.filter((call) => call.session === session && call.tool === tool).length
}

async function effectStates(session: TestSession): Promise<string[]> {
  return (await session.detail()).effects.map((effect) => effect.state)
}

test('a repeat of a finished write answers the first result without touching the tool', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const first = await session.call('write_order', { order_id: 'a', note: 'n' })
  // The same arguments in another order are the same effect.
  const repeat = await session.call('write_order', { note: 'n', order_id: 'a' })
  assert.deepEqual([repeat.isError, repeat.value], [first.isError, first.value])
  assert.equal(repeat.meta['airworthy/repeat-of'], first.meta['airworthy/call'])
  assert.equal(repeat.meta['airworthy/decision'], 'repeat')
  assert.equal(asked(session.id, 'write_order'), 1)
  assert.equal(first.meta['airworthy/repeat-of'], undefined)
  const { effects, calls } = await session.detail()
  assert.equal(executed(session.id)[0]?.key, effects[0]?.key)
  assert.equal(calls[1]?.repeatOf, calls[0]?.id)
})

test('another session is another scope', async () => {
  const agent = await enrol(ground)
  await using one = await agent.open()
  await using other = await agent.open()
  await one.call('write_order', { order_id: 'a' })
  await other.call('write_order', { order_id: 'a' })
  assert.deepEqual([executed(one.id).length, executed(other.id).length], [1, 1])
})

test('a key with the agent as its scope holds over sessions', async () => {
  const agent = await enrol(ground, {
    tools: { 'desk/write_order': { ...reversible, scope: 'agent' } },
  })
  await using one = await agent.open()
  await using other = await agent.open()
  const first = await one.call('write_order', { order_id: 'a' })
  const repeat = await other.call('write_order', { order_id: 'a' })
  assert.equal(repeat.meta['airworthy/repeat-of'], first.meta['airworthy/call'])
  assert.equal(executed(one.id).length + executed(other.id).length, 1)
})

test('after its window a key may be used again', async () => {
  const agent = await enrol(ground, {
    tools: { 'desk/write_order': { ...reversible, windowSeconds: 1 } },
  })
  await using session = await agent.open()
  await session.call('write_order', { order_id: 'a' })
  await until('the window to end', async () => {
    const reply = await session.call('write_order', { order_id: 'a' })
    return reply.meta['airworthy/repeat-of'] === undefined
  })
  assert.equal(executed(session.id).length, 2)
})

test('of many that ask for the same write at once one is executed, and all hear its result', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const gate = createGate()
  tools.direct(session.id, 'write_order', async (call) => {
    await gate.passed
    return behave(tools.journal, call)
  })
  const asking = Array.from({ length: 6 }, () => session.call('write_order', { order_id: 'a' }))
  await until('the tool to be asked', () => asked(session.id, 'write_order') === 1)
  gate.open()
  const replies = await Promise.all(asking)
  for (const reply of replies) assert.deepEqual(reply.value, replies[0]?.value)
  assert.equal(replies.filter((reply) => 'airworthy/repeat-of' in reply.meta).length, 5)
  assert.equal(executed(session.id).length, 1)
})

test('a key that comes back with other arguments is refused', async () => {
  const agent = await enrol(ground, { tools: writeOrder })
  await using session = await agent.open()
  await session.call('write_order', { order_id: 'a', note: 'one' })
  const other = await session.call('write_order', { order_id: 'a', note: 'two' })
  assert.equal(at(other.value, 'code'), 'effect.key_reused')
  assert.equal(executed(session.id).length, 1)
})

test('reads are never deduplicated, and carry no key', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  await session.call('get_order', { order_id: 'a' })
  await session.call('get_order', { order_id: 'a' })
  assert.equal(asked(session.id, 'get_order'), 2)
  const reads = tools.calls.filter((call) => call.session === session.id)
  assert.deepEqual(
    reads.map((call) => call.key),
    [undefined, undefined],
  )
})

test('a failed effect may be tried again', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  tools.direct(session.id, 'write_order', () => ({
    isError: true,
    content: [{ type: 'text', text: 'out of stock' }],
  }))
  const failed = await session.call('write_order', { order_id: 'a' })
  assert.deepEqual([failed.isError, failed.value], [true, 'out of stock'])
  tools.direct(session.id, 'write_order', undefined)
  const again = await session.call('write_order', { order_id: 'a' })
  assert.equal(again.isError, false)
  assert.deepEqual(await effectStates(session), ['failed', 'done'])
})

test('a write that times out is unknown; a repeat probes, and never executes twice', async () => {
  const agent = await enrol(ground, {
    toolTimeoutMs: 300,
    limits: { session: { calls: 99 } },
  })
  await using session = await agent.open()
  const gate = createGate()
  tools.direct(session.id, 'write_order', async (call) => {
    const result = behave(tools.journal, call)
    await gate.passed
    return result
  })
  const late = await session.call('write_order', { order_id: 'a' })
  assert.deepEqual([late.isError, at(late.value, 'code')], [true, 'effect.unknown'])
  assert.match(String(at(late.value, 'message')), /not known/)
  const repeats = await Promise.all(
    Array.from({ length: 8 }, () => session.call('write_order', { order_id: 'a' })),
  )
  gate.open()
  for (const repeat of repeats) {
    assert.deepEqual([repeat.isError, repeat.value], [false, 'probed'])
    assert.equal(repeat.meta['airworthy/repeat-of'], late.meta['airworthy/call'])
  }
  assert.equal(executed(session.id).length, 1)
  assert.deepEqual(await effectStates(session), ['done'])
  const { settled, unknown, reserved } = spentOf((await session.detail()).budgets, 'calls')
  assert.deepEqual([settled, unknown, reserved], [1, 0, 0])
})

test('what a probe does not find is not believed while the call may still run', async () => {
  const agent = await enrol(ground, { toolTimeoutMs: 500, limits: { session: { calls: 99 } } })
  await using session = await agent.open()
  tools.direct(session.id, 'write_order', (call) => {
    call.cut()
    return toolText({})
  })
  const cut = await session.call('write_order', { order_id: 'a' })
  assert.equal(at(cut.value, 'code'), 'effect.unknown')
  const early = await session.call('write_order', { order_id: 'a' })
  assert.equal(at(early.value, 'code'), 'effect.unknown', JSON.stringify(early.value))
  assert.equal(asked(session.id, 'write_order'), 1)
  tools.direct(session.id, 'write_order', undefined)
  await until('the probe to be believed', async () => {
    const [state] = await effectStates(session)
    return state === 'failed'
  })
  assert.equal((await session.call('write_order', { order_id: 'a' })).isError, false)
  assert.equal(executed(session.id).length, 1)
  const { unknown } = spentOf((await session.detail()).budgets, 'calls')
  assert.equal(unknown, 0)
})

test('an unknown effect without a probe stays unknown until a person says what became of it', async () => {
  const agent = await enrol(ground, { toolTimeoutMs: 300, limits: { session: { calls: 99 } } })
  await using session = await agent.open()
  tools.direct(session.id, 'notify', (call) => {
    call.cut()
    return toolText({})
  })
  await session.call('notify', { note: 'n' })
  const repeat = await session.call('notify', { note: 'n' })
  assert.equal(at(repeat.value, 'code'), 'effect.unknown')
  const { effects } = await session.detail()
  assert.equal(effects[0]?.state, 'unknown')
  assert.equal(spentOf((await session.detail()).budgets, 'calls').unknown, 1)
  await ground.server.client.resolveEffect(effects[0]?.id ?? '', {
    outcome: 'failed',
    reason: 'the log of the tool has no trace of it',
  })
  tools.direct(session.id, 'notify', undefined)
  assert.equal((await session.call('notify', { note: 'n' })).isError, false)
  assert.equal(executed(session.id).length, 1)
  assert.equal(spentOf((await session.detail()).budgets, 'calls').unknown, 0)
})

test('an undo takes the effect back, once; what was undone is not answered as done', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const written = await session.call('write_order', { order_id: 'a' })
  const callId = String(written.meta['airworthy/call'])
  const call = await ground.server.client.undoCall(callId, { reason: 'a mistake' })
  assert.equal(call.effect?.state, 'undone')
  assert.equal(executed(session.id).length, 0)
  await assert.rejects(ground.server.client.undoCall(callId), { code: 'effect.not_undoable' })
  const undo = tools.calls.find((one) => one.session === session.id && one.tool === 'undo_effect')
  assert.match(undo?.key ?? '', /^undo:/)
  assert.equal((await session.call('write_order', { order_id: 'a' })).isError, false)
  assert.equal(executed(session.id).length, 1)
})
