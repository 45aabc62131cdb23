import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { createClient } from '@airworthy/sdk'
import { type ApiServer, ask, enrolDesk, startApi } from '../api-server.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
  await enrolDesk(api)
})
after(() => api[Symbol.asyncDispose]())

test('lets a launcher open, list, show and close sessions, and nothing else', async () => {
  const { key } = await api.client.addOperator({ name: 'cron', role: 'launcher' })
  const launcher = createClient({ baseUrl: api.baseUrl, key })
  const { session } = await launcher.openSession({ agent: 'desk' })
  await launcher.listSessions()
  await launcher.getSession(session.id)
  await launcher.closeSession(session.id)
  const forbidden = { status: 403, code: 'auth.forbidden' }
  await assert.rejects(launcher.listAgents(), forbidden)
  await assert.rejects(launcher.listHolds(), forbidden)
  await assert.rejects(launcher.getLog(), forbidden)
  await assert.rejects(launcher.addOperator({ name: 'x', role: 'operator' }), forbidden)
  const elsewhere = { agent: 'desk', modelBaseUrl: 'http://127.0.0.1:1/v1' }
  await assert.rejects(launcher.openSession(elsewhere), forbidden)
  assert.equal((await api.client.openSession(elsewhere)).session.agent, 'desk')
})

test('revokes a key, which is refused from then on', async () => {
  const added = await api.client.addOperator({ name: 'ann', role: 'operator' })
  const ann = createClient({ baseUrl: api.baseUrl, key: added.key })
  await ann.listAgents()
  const revoked = await api.client.revokeOperator(added.operator.id)
  assert.deepEqual(await api.client.revokeOperator(added.operator.id), revoked)
  await assert.rejects(ann.listAgents(), { status: 401, code: 'auth.revoked_key' })
  const { operators } = await api.client.listOperators()
  assert.ok(operators.some(({ name, revokedAt }) => name === 'ann' && revokedAt !== null))
  assert.ok(!JSON.stringify(operators).includes(added.key))
})

test('leaves somebody who can add operators, and gives a name once', async () => {
  const { operators } = await api.client.listOperators()
  const self = operators.find(({ name }) => name === 'operator')?.id ?? ''
  await assert.rejects(api.client.revokeOperator(self), { code: 'request.invalid' })
  const again = { name: 'operator', role: 'operator' } as const
  await assert.rejects(api.client.addOperator(again), { code: 'request.invalid' })
  await assert.rejects(api.client.revokeOperator(randomUUID()), { code: 'request.not_found' })
})

test('refuses who shows no key, an unknown one, or that of an agent or session', async () => {
  const { sessionKey } = await api.client.openSession({ agent: 'desk' })
  const { apiKey } = await api.client.issueKey('desk')
  const cases = [
    [null, 401, 'auth.missing'],
    ['', 401, 'auth.missing'],
    [`awo_${'A'.repeat(43)}`, 401, 'auth.unknown_key'],
    ['hello', 401, 'auth.unknown_key'],
    [apiKey, 403, 'auth.agent_key_refused'],
    [sessionKey, 403, 'auth.agent_key_refused'],
  ] as const
  for (const [key, status, code] of cases) {
    for (const path of ['/v1/agents', '/v1/holds', '/v1/log']) {
      const answer = await ask(api, { path, key })
      assert.deepEqual([answer.status, answer.code], [status, code], `${path} with ${key}`)
    }
  }
})
