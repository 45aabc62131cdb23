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

test('lists effects of one state', async () => {
  const { effectId } = await insertHeldCall(api, { effectState: 'unknown' })
  await insertHeldCall(api, { effectState: 'done' })
  const { effects } = await api.client.listEffects({ state: 'unknown' })
  assert.deepEqual(
    effects.map(({ id }) => id),
    [effectId],
  )
})

test('hands on what a person found out', async () => {
  const { effectId } = await insertHeldCall(api, { effectState: 'unknown' })
  await api.client.resolveEffect(effectId, { outcome: 'failed', reason: 'asked the shop' })
  assert.partialDeepStrictEqual(api.commands.at(-1), { effectId, outcome: 'failed' })
})

test('resolves only what is unknown, and not without a reason', async () => {
  const { effectId } = await insertHeldCall(api, { effectState: 'done' })
  const path = `/v1/effects/${effectId}/resolve`
  const done = await ask(api, { path, body: { outcome: 'done', reason: 'x' } })
  assert.equal(done.code, 'request.invalid')
  const bare = await ask(api, { path, body: { outcome: 'done' } })
  assert.equal(bare.code, 'request.invalid')
})

test('does not know an effect that never was', async () => {
  const resolution = { outcome: 'done', reason: 'x' } as const
  await assert.rejects(api.client.resolveEffect(randomUUID(), resolution), {
    code: 'request.not_found',
  })
})
