import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { AirworthyError } from '../../../src/core/errors.ts'
import { type ApiServer, startApi } from '../api-server.ts'
import { insertHeldCall } from '../gateway-rows.ts'

let api: ApiServer
const request = {
  server: 'shop',
  tool: 'cancel_order',
  arguments: { order_id: '#W1', reason: 'no longer needed' },
}
let isSettled = false
before(async () => {
  api = await startApi((db) => ({
    payloads: { open: async () => Buffer.from(JSON.stringify(request)) },
    holds: {
      edit: () => Promise.reject(new Error('none')),
      decide: async ({ holdId, vote }) => {
        if (isSettled) throw new AirworthyError('hold.settled', 'the hold is rejected already')
        await db
          .updateTable('airworthy.holds')
          .set({ state: vote === 'approve' ? 'approved' : 'rejected', decided_at: new Date() })
          .where('hold_id', '=', holdId)
          .execute()
      },
    },
  }))
})
after(() => api[Symbol.asyncDispose]())

test('lists holds that wait, with what they would do and why', async () => {
  const { holdId } = await insertHeldCall(api)
  await insertHeldCall(api, { holdState: 'rejected' })
  const { holds, next } = await api.client.listHolds({ state: 'pending' })
  assert.deepEqual([holds.length, next], [1, null])
  const [hold] = holds
  assert.equal(hold?.id, holdId)
  assert.equal(hold?.action, 'shop/cancel_order')
  assert.equal(hold?.effectClass, 'irreversible')
  assert.deepEqual(hold?.amount, { minorUnits: '25050', currency: 'USD' })
  assert.equal(hold?.arguments, null)
  assert.equal((await api.client.listHolds()).holds.length, 2)
})

test('shows a hold with the exact arguments', async () => {
  const { holdId } = await insertHeldCall(api)
  const hold = await api.client.getHold(holdId)
  assert.deepEqual(hold.arguments, { order_id: '#W1', reason: 'no longer needed' })
})

test('approves and rejects, and answers what became of it', async () => {
  const approved = await api.client.approveHold((await insertHeldCall(api)).holdId)
  assert.equal(approved.hold.state, 'approved')
  assert.equal(approved.call.action, 'shop/cancel_order')
  const { holdId } = await insertHeldCall(api)
  const rejected = await api.client.rejectHold(holdId, { reason: 'too much' })
  assert.equal(rejected.hold.state, 'rejected')
})

test('passes on that a hold was decided before', async () => {
  const { holdId } = await insertHeldCall(api)
  isSettled = true
  await assert.rejects(api.client.approveHold(holdId), { status: 409, code: 'hold.settled' })
  isSettled = false
})

test('does not know a hold that never was', async () => {
  for (const ask of [api.client.getHold, api.client.approveHold, api.client.rejectHold]) {
    await assert.rejects(ask(randomUUID()), { status: 404, code: 'hold.unknown' })
  }
})
