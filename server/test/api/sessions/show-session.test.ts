import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type ApiServer, ask, startApi } from '../api-server.ts'
import { insertHeldCall } from '../gateway-rows.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
})
after(() => api[Symbol.asyncDispose]())

test('shows a session with its budgets, calls and effects', async () => {
  const rows = await insertHeldCall(api)
  const detail = await api.client.getSession(rows.sessionId)
  assert.equal(detail.budgets.length, 3)
  const [call] = detail.calls
  assert.equal(call?.id, rows.callId)
  assert.deepEqual(call?.reasons, [{ rule: 'big', verdict: 'hold', reason: 'above 200 USD' }])
  assert.equal(call?.effect?.id, rows.effectId)
  assert.deepEqual(detail.effects[0]?.amount, { minorUnits: '25050', currency: 'USD' })
  assert.equal(detail.callsNext, null)
  const later = await api.client.getSession(rows.sessionId, { callsAfter: rows.callId })
  assert.deepEqual(later.calls, [])
})

test('shows facts as the gateway wrote them', async () => {
  const { sessionId } = await insertHeldCall(api)
  const facts = { m: 2, t: 1, w: 1, k: 7, s: '12', tools: { 'shop/get_order': [1, 1, 0, 0] } }
  await api.db
    .updateTable('airworthy.ledgers')
    .set({ facts: JSON.stringify(facts) })
    .where('scope_id', '=', sessionId)
    .execute()
  const { session } = await api.client.getSession(sessionId)
  assert.deepEqual(session.facts, {
    modelCalls: 2,
    toolCalls: 1,
    writes: 1,
    denied: 0,
    held: 0,
    tokens: 7,
    spentNanoUsd: '12',
    untrusted: false,
    private: false,
  })
})

test('does not know a session that was never opened', async () => {
  await assert.rejects(api.client.getSession(randomUUID()), { code: 'request.not_found' })
})

test('refuses an id that is none', async () => {
  assert.equal((await ask(api, { path: '/v1/sessions/1' })).code, 'request.invalid')
})
