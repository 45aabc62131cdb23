import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ApiServer, ask, enrolDesk, startApi } from '../api-server.ts'

let api: ApiServer
const opened: string[] = []

before(async () => {
  api = await startApi()
  await enrolDesk(api)
  await enrolDesk(api, (text) => text.replace('name: desk,', 'name: other,'))
  for (const agent of ['desk', 'desk', 'other', 'desk']) {
    opened.push((await api.client.openSession({ agent })).session.id)
  }
})
after(() => api[Symbol.asyncDispose]())

test('lists sessions in the order of their opening, a page at a time', async () => {
  const first = await api.client.listSessions({ limit: 3 })
  assert.deepEqual(
    first.sessions.map(({ id }) => id),
    opened.slice(0, 3),
  )
  const rest = await api.client.listSessions({ limit: 3, after: first.next ?? '' })
  assert.deepEqual(
    rest.sessions.map(({ id }) => id),
    opened.slice(3),
  )
  assert.equal(rest.next, null)
})

test('lists the sessions of one agent, and those of one state', async () => {
  await api.client.closeSession(opened[0] ?? '')
  const closed = await api.client.listSessions({ agent: 'desk', state: 'closed' })
  assert.deepEqual(
    closed.sessions.map(({ id }) => id),
    opened.slice(0, 1),
  )
  assert.equal((await api.client.listSessions({ agent: 'other' })).sessions.length, 1)
})

test('does not know an agent that is not enrolled', async () => {
  await assert.rejects(api.client.listSessions({ agent: 'nobody' }), { code: 'agent.unknown' })
})

test('refuses a page that is too large, an unknown field and a cursor that is none', async () => {
  for (const query of ['limit=1001', 'limit=0', 'limit=x', 'page=2', 'after=first', 'state=lost']) {
    const answer = await ask(api, { path: `/v1/sessions?${query}` })
    assert.equal(answer.code, 'request.invalid', query)
  }
})
