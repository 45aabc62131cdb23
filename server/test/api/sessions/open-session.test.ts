import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { hashKey } from '../../../src/core/identity/key.ts'
import { type ApiServer, ask, enrolDesk, startApi } from '../api-server.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
  await enrolDesk(api)
})
after(() => api[Symbol.asyncDispose]())

test("opens a session with the pact's budgets and a key in its URLs", async () => {
  const opened = await api.client.openSession({ agent: 'desk', task: 'help', endUser: 'ann' })
  assert.match(opened.sessionKey, /^aws_[\w-]{43}$/)
  assert.equal(opened.openaiBaseUrl, `${api.baseUrl}/s/${opened.sessionKey}/v1`)
  assert.deepEqual(opened.mcpUrls, { shop: `${api.baseUrl}/s/${opened.sessionKey}/mcp/shop` })
  assert.equal(opened.session.mode, 'enforce')
  assert.equal(opened.session.facts.spentNanoUsd, '0')
  const { budgets } = await api.client.getSession(opened.session.id)
  assert.deepEqual(
    budgets.map(({ unit, limit }) => [unit, limit]),
    [
      ['calls', '50'],
      ['nano_usd', '1000000000'],
      ['tokens', '100000'],
    ],
  )
  const row = await api.db
    .selectFrom('airworthy.sessions')
    .selectAll()
    .where('session_id', '=', opened.session.id)
    .executeTakeFirstOrThrow()
  assert.ok(row.key_hash?.equals(hashKey(opened.sessionKey)))
})

test('writes the opening to the log, without the words of people', async () => {
  const { session } = await api.client.openSession({ agent: 'desk', endUser: 'bob@example.com' })
  const { entries } = await api.client.listEntries({ limit: 1000 })
  const opened = entries.filter(({ entry }) => entry.includes('"type":"session.opened"'))
  const entry = opened.at(-1)?.entry ?? ''
  assert.ok(entry.includes(session.id) && !entry.includes('bob'))
})

test('lowers limits for a session, and never raises one', async () => {
  const limits = { calls: 3, moneyUsd: '0.000000001' }
  const { session } = await api.client.openSession({ agent: 'desk', limits })
  const { budgets } = await api.client.getSession(session.id)
  assert.deepEqual(
    budgets.map(({ limit }) => limit),
    ['3', '1', '100000'],
  )
  const raised = await ask(api, {
    path: '/v1/sessions',
    body: { agent: 'desk', limits: { calls: 51 } },
  })
  assert.equal(raised.status, 400)
  assert.equal(raised.code, 'request.invalid')
})

test('opens a session of an agent that is named by its id', async () => {
  const { agent } = await api.client.getAgent('desk')
  const { session } = await api.client.openSession({ agent: agent.id, mode: 'observe' })
  assert.equal(session.agent, 'desk')
  assert.equal(session.mode, 'observe')
})

test('does not know an agent that is not enrolled', async () => {
  await assert.rejects(api.client.openSession({ agent: 'nobody' }), {
    status: 404,
    code: 'agent.unknown',
  })
})

test('refuses what is not as it should be', async () => {
  const path = '/v1/sessions'
  const bodies = [
    {},
    { agent: 'desk', mode: 'dream' },
    { agent: 'desk', limits: { calls: -1 } },
    { agent: 'desk', limits: { moneyUsd: '1.0000000001' } },
    { agent: 'desk', modelBaseUrl: 'file:///etc/passwd' },
    { agent: 'desk', session: 'mine' },
  ]
  for (const body of bodies) {
    const answer = await ask(api, { path, body })
    assert.equal(answer.code, 'request.invalid', JSON.stringify(body))
  }
})

test('opens many sessions at once, and the log stays whole', async () => {
  await Promise.all(Array.from({ length: 30 }, () => api.client.openSession({ agent: 'desk' })))
  const { gaps, agentGaps, brokenLinks } = await api.client.getLog()
  assert.deepEqual({ gaps, agentGaps, brokenLinks }, { gaps: 0, agentGaps: 0, brokenLinks: 0 })
})
