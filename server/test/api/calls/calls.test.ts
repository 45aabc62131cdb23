import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type ApiServer, startApi } from '../api-server.ts'
import { insertHeldCall } from '../gateway-rows.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
})
after(() => api[Symbol.asyncDispose]())

test('shows a call with its decision and its effect', async () => {
  const rows = await insertHeldCall(api)
  const call = await api.client.getCall(rows.callId)
  assert.equal(call.state, 'held')
  assert.equal(call.usage, null)
  assert.equal(call.effect?.state, 'held')
})

test('shows the receipt: the entry of the intent, and none of an outcome yet', async () => {
  const rows = await insertHeldCall(api)
  const receipt = await api.client.getReceipt(rows.callId)
  assert.equal(receipt.outcome, null)
  assert.equal(receipt.intent?.seq, rows.intentSeq)
  const { entries } = await api.client.listEntries({ limit: 1000 })
  const entry = entries.find(({ seq }) => seq === rows.intentSeq)
  assert.equal(entry?.hash, receipt.intent?.hash)
  assert.equal(entry?.entry, receipt.intent?.entry)
})

test('hands an undo on with who asked and why', async () => {
  const { callId, effectId } = await insertHeldCall(api, { effectState: 'done' })
  const call = await api.client.undoCall(callId, { reason: 'a mistake' })
  assert.equal(call.id, callId)
  assert.partialDeepStrictEqual(api.commands.at(-1), { callId, effectId, reason: 'a mistake' })
})

test('refuses to undo a call without an effect', async () => {
  const { callId } = await insertHeldCall(api, { hasEffect: false })
  await assert.rejects(api.client.undoCall(callId), { status: 409, code: 'effect.not_undoable' })
})

test('does not know a call that never was', async () => {
  for (const ask of [api.client.getCall, api.client.getReceipt, api.client.undoCall]) {
    await assert.rejects(ask(randomUUID()), { status: 404, code: 'call.unknown' })
  }
})
