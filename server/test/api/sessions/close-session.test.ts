import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type ApiServer, enrolDesk, startApi } from '../api-server.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
  await enrolDesk(api)
})
after(() => api[Symbol.asyncDispose]())

test('closes a session once, however often it is asked', async () => {
  const { session } = await api.client.openSession({ agent: 'desk' })
  const closed = await api.client.closeSession(session.id)
  assert.equal(closed.state, 'closed')
  assert.ok(closed.closedAt !== null && closed.closedAt >= session.openedAt)
  const { size } = await api.client.getLog()
  assert.deepEqual(await api.client.closeSession(session.id), closed)
  assert.equal((await api.client.getLog()).size, size)
})

test('does not know a session that was never opened', async () => {
  await assert.rejects(api.client.closeSession(randomUUID()), { code: 'request.not_found' })
})
