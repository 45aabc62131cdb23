import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { createClient, type Client } from '@airworthy/sdk'
import { type ApiServer, ask, startApi } from '../api-server.ts'
import { insertHeldCall } from '../gateway-rows.ts'

let api: ApiServer
const request = { server: 'shop', tool: 'cancel_order', arguments: { order_id: '#W1' } }
before(async () => {
  api = await startApi(() => ({
    payloads: {
      open: async (_, part) => (part === 1 ? Buffer.from(JSON.stringify(request)) : undefined),
    },
  }))
})
after(() => api[Symbol.asyncDispose]())

async function as(role: 'approver' | 'auditor' | 'launcher', reason?: string): Promise<Client> {
  const { key } = await api.client.addOperator({ name: `${role}-${randomUUID()}`, role })
  return createClient({ baseUrl: api.baseUrl, key, ...(reason === undefined ? {} : { reason }) })
}

test('hands a session over, lists and shows it with what waits, and gives it back', async () => {
  const { sessionId, callId, holdId } = await insertHeldCall(api)
  const handover = await api.client.handOverSession(sessionId, { reason: 'odd' })
  assert.deepEqual(
    [handover.state, handover.cause, handover.reason, handover.takenBy],
    ['open', 'operator', 'odd', null],
  )
  const listed = await api.client.listHandovers()
  assert.deepEqual(listed, { handovers: [handover], next: null })
  assert.equal((await api.client.listSessions({ state: 'handed_over' })).sessions.length, 1)
  const detail = await api.client.getHandover(handover.id)
  assert.deepEqual([detail.holds[0]?.holdId, detail.openEffects[0]?.callId], [holdId, callId])
  assert.deepEqual([detail.lastTool?.callId, detail.lastModel], [callId, null])
  const taken = await api.client.takeHandover(handover.id)
  assert.equal(taken.state, 'taken')
  assert.notEqual(taken.takenBy, null)
  assert.equal((await api.client.giveBack(handover.id)).state, 'returned')
  assert.deepEqual((await api.client.listHandovers()).handovers, [])
  assert.equal((await api.client.listHandovers({ state: 'all' })).handovers.length, 1)
  assert.equal((await api.client.getSession(sessionId)).session.state, 'open')
})

test('pages through handovers in the order of their opening', async () => {
  const ids: string[] = []
  for (let n = 0; n < 3; n += 1) {
    const { sessionId } = await insertHeldCall(api)
    ids.push((await api.client.handOverSession(sessionId, { reason: 'odd' })).id)
  }
  const first = await api.client.listHandovers({ state: 'open', limit: 2 })
  const second = await api.client.listHandovers({
    state: 'open',
    after: first.next ?? '',
    limit: 2,
  })
  const found = [...first.handovers, ...second.handovers].map((each) => each.id)
  assert.deepEqual(found, ids)
})

test('does not know a handover or a session that never was', async () => {
  const id = randomUUID()
  const unknown = { status: 404, code: 'handover.unknown' }
  const { client } = api
  await assert.rejects(client.getHandover(id), unknown)
  await assert.rejects(client.readTranscript(id), unknown)
  await assert.rejects(client.takeHandover(id), unknown)
  await assert.rejects(client.giveBack(id), unknown)
  await assert.rejects(client.closeHandover(id), unknown)
  await assert.rejects(client.handOverSession(id, { reason: 'x' }), { code: 'request.not_found' })
})

test('refuses what the state, or another person, does not let one do', async () => {
  const { sessionId } = await insertHeldCall(api)
  const { id } = await api.client.handOverSession(sessionId, { reason: 'odd' })
  const notTaken = { status: 409, code: 'handover.not_taken' }
  await assert.rejects(api.client.giveBack(id), notTaken)
  await assert.rejects(api.client.closeHandover(id), notTaken)
  await api.client.takeHandover(id)
  await api.client.giveBack(id)
  const settled = { status: 409, code: 'handover.settled' }
  await assert.rejects(api.client.takeHandover(id), settled)
  await assert.rejects(api.client.giveBack(id), settled)
  await assert.rejects(api.client.closeHandover(id), settled)
})

test('an approver may hand over and look, an auditor reads for a reason, a launcher does neither', async () => {
  const { sessionId } = await insertHeldCall(api)
  const approver = await as('approver')
  const { id } = await approver.handOverSession(sessionId, { reason: 'odd' })
  await approver.getHandover(id)
  const forbidden = { status: 403, code: 'auth.forbidden' }
  await assert.rejects(approver.takeHandover(id), forbidden)
  await assert.rejects(approver.readTranscript(id), forbidden)
  const launcher = await as('launcher')
  await assert.rejects(launcher.handOverSession(sessionId, { reason: 'x' }), forbidden)
  await assert.rejects(launcher.listHandovers(), forbidden)
  await assert.rejects((await as('auditor')).readTranscript(id), {
    status: 400,
    code: 'access.reason_missing',
  })
  const { steps } = await (await as('auditor', 'a complaint')).readTranscript(id)
  assert.deepEqual(
    steps.map(({ kind, action, said }) => [kind, action, said]),
    [['tool', 'shop/cancel_order', [{ role: 'arguments', text: '{"order_id":"#W1"}' }]]],
  )
  const { accesses } = await api.client.listAccesses({ call: steps[0]?.id ?? '' })
  assert.deepEqual(
    accesses.map(({ operation, reason }) => [operation, reason]),
    [['read-transcript', 'a complaint']],
  )
})

test('refuses bodies that say nothing, or too much', async () => {
  const { sessionId } = await insertHeldCall(api)
  const { id } = await api.client.handOverSession(sessionId, { reason: 'odd' })
  const post = async (path: string, body: unknown) =>
    (await ask(api, { path, method: 'POST', body })).code
  const at = `/v1/handovers/${id}`
  const bodies: readonly (readonly [string, unknown])[] = [
    [`/v1/sessions/${sessionId}/hand-over`, {}],
    [`/v1/sessions/${sessionId}/hand-over`, { reason: '' }],
    [`${at}/take`, { fromAnother: 'yes' }],
    [`${at}/say`, { to: 'everybody', text: 'x' }],
    [`${at}/say`, { to: 'user', text: '' }],
    [`${at}/say`, { to: 'user', text: 'x'.repeat(10_001) }],
    [`${at}/calls`, { tool: 'no-server' }],
    [`${at}/calls`, { tool: 'a/b', arguments: [] }],
  ]
  for (const [path, body] of bodies) {
    assert.equal(
      await post(path, body),
      'request.invalid',
      `${path} ${JSON.stringify(body)}`.slice(0, 200),
    )
  }
})
