import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type ApiServer, ask, enrolDesk, startApi } from '../api-server.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
  await enrolDesk(api)
})
after(() => api[Symbol.asyncDispose]())

test('opens and closes the write flow, each with an entry that holds no words', async () => {
  const { session } = await api.client.openSession({ agent: 'desk' })
  assert.equal(session.flow, null)
  const reason = 'the customer called'
  const opened = await api.client.setFlow(session.id, { flow: 'write', reason })
  assert.deepEqual([opened.flow?.state, opened.flow?.writes], ['open', 0])
  const closed = await api.client.setFlow(session.id, { flow: 'read' })
  assert.equal(closed.flow?.state, 'barred')
  const { entries } = await api.client.listEntries({ limit: 1000 })
  const own = entries.filter(({ entry }) => entry.includes(session.id)).map(({ entry }) => entry)
  assert.equal(own.filter((entry) => entry.includes('"type":"flow.opened"')).length, 1)
  assert.equal(own.filter((entry) => entry.includes('"type":"flow.closed"')).length, 1)
  assert.ok(own.every((entry) => !entry.includes(reason)))
})

test('keeps what the session has counted', async () => {
  const { session } = await api.client.openSession({ agent: 'desk' })
  await api.db
    .updateTable('airworthy.ledgers')
    .set({ facts: JSON.stringify({ t: 3, w: 2, tools: { 'shop/get_order': [3, 3, 0, 0] } }) })
    .where('scope_id', '=', session.id)
    .execute()
  const { facts } = await api.client.setFlow(session.id, { flow: 'read' })
  assert.deepEqual([facts.toolCalls, facts.writes], [3, 2])
})

test('refuses an unknown session, a closed one, and any other flow', async () => {
  await assert.rejects(api.client.setFlow(randomUUID(), { flow: 'read' }), {
    code: 'request.not_found',
  })
  const { session } = await api.client.openSession({ agent: 'desk' })
  const wrong = await ask(api, { path: `/v1/sessions/${session.id}/flow`, body: { flow: 'x' } })
  assert.deepEqual([wrong.status, wrong.code], [400, 'request.invalid'])
  await api.client.closeSession(session.id)
  await assert.rejects(api.client.setFlow(session.id, { flow: 'write' }), {
    code: 'session.closed',
  })
})
