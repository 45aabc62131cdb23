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

test('issues a key that is shown once', async () => {
  const issued = await api.client.issueKey('desk')
  assert.match(issued.apiKey, /^awk_/)
  const keys = JSON.stringify(await api.client.getAgent('desk'))
  assert.ok(keys.includes(issued.id) && !keys.includes(issued.apiKey))
})

test('revokes a key once, however often it is asked', async () => {
  const { id } = await api.client.issueKey('desk')
  const revoked = await api.client.revokeKey('desk', id)
  assert.ok(revoked.revokedAt !== null)
  assert.deepEqual(await api.client.revokeKey('desk', id), revoked)
})

test('does not know a key of another agent', async () => {
  await enrolDesk(api, (text) => text.replace('name: desk,', 'name: other,'))
  const { id } = await api.client.issueKey('other')
  await assert.rejects(api.client.revokeKey('desk', id), { code: 'request.not_found' })
  await assert.rejects(api.client.revokeKey('desk', randomUUID()), { status: 404 })
  await assert.rejects(api.client.revokeKey('nobody', id), { code: 'agent.unknown' })
  await assert.rejects(api.client.issueKey('nobody'), { code: 'agent.unknown' })
})
