import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { WebhookVerifier } from './verify-webhook.ts'

const key = randomBytes(32)
const secret = `whsec_${key.toString('base64')}`
const nowMs = 1_795_000_000_000
const body = JSON.stringify({ type: 'hold.opened', timestamp: 'then', data: { id: '1' } })

function request(changes: { id?: string; at?: number; body?: string; key?: Buffer } = {}) {
  const id = changes.id ?? 'msg_1'
  const timestamp = String(changes.at ?? nowMs / 1000)
  const text = changes.body ?? body
  const mac = createHmac('sha256', changes.key ?? key).update(`${id}.${timestamp}.${text}`)
  return {
    headers: {
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1a,ignored v1,${mac.digest('base64')}`,
    },
    body: text,
  }
}

const verifier = (rememberedMax = 100) =>
  new WebhookVerifier({ secrets: [secret], rememberedMax, now: () => nowMs })

test('a message is taken once; the very same request is refused, also at the same time', async () => {
  const one = verifier()
  const settled = await Promise.allSettled([one.verify(request()), one.verify(request())])
  assert.deepEqual(settled.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  await assert.rejects(one.verify(request()), { code: 'webhook.replayed' })
  assert.deepEqual(
    await verifier().verify({ ...request(), headers: new Headers(request().headers) }),
    {
      id: 'msg_1',
      isRepeat: false,
      message: JSON.parse(body),
    },
  )
})

test('a message that is sent again is told from a replay', async () => {
  const one = verifier()
  assert.equal((await one.verify(request())).isRepeat, false)
  assert.equal((await one.verify(request({ at: nowMs / 1000 + 5 }))).isRepeat, true)
  assert.equal((await one.verify(request({ id: 'msg_2' }))).isRepeat, false)
})

test('whatever was changed, is too old, or is signed by others is refused', async () => {
  const good = request()
  const changed = (name: string, value: string) => ({
    ...good,
    headers: { ...good.headers, [name]: value },
  })
  const cases = [
    [changed('webhook-id', 'msg_2'), 'webhook.signature_invalid'],
    [changed('webhook-timestamp', String(nowMs / 1000 + 1)), 'webhook.signature_invalid'],
    [{ ...good, body: body.replace('1', '2') }, 'webhook.signature_invalid'],
    [request({ key: randomBytes(32) }), 'webhook.signature_invalid'],
    [changed('webhook-signature', ''), 'webhook.signature_invalid'],
    [changed('webhook-signature', 'v1,'), 'webhook.signature_invalid'],
    [request({ at: nowMs / 1000 - 301 }), 'webhook.stale'],
    [request({ at: nowMs / 1000 + 301 }), 'webhook.stale'],
    [changed('webhook-id', ''), 'webhook.malformed'],
    [changed('webhook-timestamp', '1e9'), 'webhook.malformed'],
    [request({ body: 'no JSON' }), 'webhook.malformed'],
    [request({ body: '{"type":"x","data":[]}' }), 'webhook.malformed'],
  ] as const
  const one = verifier()
  for (const [bad, code] of cases) await assert.rejects(one.verify(bad), { code })
  await one.verify(good)
})

test('what is remembered is bounded, and forgotten with its time', async () => {
  let clock = nowMs
  const one = new WebhookVerifier({ secrets: [secret], rememberedMax: 2, now: () => clock })
  await one.verify(request({ id: 'a' }))
  await one.verify(request({ id: 'b' }))
  await assert.rejects(one.verify(request({ id: 'c' })), { code: 'webhook.overloaded' })
  clock += 301_000
  await one.verify(request({ id: 'c', at: clock / 1000 }))
})

test('a secret that is none is refused at once', () => {
  for (const bad of ['', 'whsec_', 'whsec_AAAA', 'whsec_*', key.toString('base64')]) {
    assert.throws(() => new WebhookVerifier({ secrets: [bad] }), TypeError)
  }
  assert.throws(() => new WebhookVerifier({ secrets: [] }), TypeError)
})
