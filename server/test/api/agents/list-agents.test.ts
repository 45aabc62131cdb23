import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ApiServer, ask, enrolDesk, startApi } from '../api-server.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
  await enrolDesk(api)
  await enrolDesk(api, (text) => text.replace('name: desk,', 'name: other,'))
})
after(() => api[Symbol.asyncDispose]())

test('lists agents in the order of their enrolment, a page at a time', async () => {
  const first = await api.client.listAgents({ limit: 1 })
  assert.deepEqual(
    first.agents.map(({ name }) => name),
    ['desk'],
  )
  const second = await api.client.listAgents({ after: first.next ?? '' })
  assert.deepEqual(
    second.agents.map(({ name }) => name),
    ['other'],
  )
  assert.equal(second.next, null)
})

test('refuses a page that is too large', async () => {
  assert.equal((await ask(api, { path: '/v1/agents?limit=5000' })).code, 'request.invalid')
})
