import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ApiServer, enrolDesk, manifestText, startApi } from '../api-server.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
})
after(() => api[Symbol.asyncDispose]())

test('shows an agent by its name and by its id, newest version first', async () => {
  const { agent } = await enrolDesk(api)
  await enrolDesk(api, (text) => text.replace('You help', 'You serve'))
  const detail = await api.client.getAgent('desk')
  assert.deepEqual(
    detail.versions.map(({ number }) => number),
    [2, 1],
  )
  assert.equal(
    detail.manifest,
    manifestText((text) => text.replace('You help', 'You serve')),
  )
  assert.equal(detail.budgets[0]?.limit, '1000')
  assert.equal(detail.keys[0]?.prefix.length, 10)
  assert.deepEqual(await api.client.getAgent(agent.id), detail)
})

test('does not know an agent that is not enrolled', async () => {
  await assert.rejects(api.client.getAgent('nobody'), { status: 404, code: 'agent.unknown' })
  await assert.rejects(api.client.getAgent('../agents'), { code: 'agent.unknown' })
})
