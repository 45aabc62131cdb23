import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createClient } from '@airworthy/sdk'
import { Admission } from '../../../src/gateway/llm/admission.ts'
import { endpointOf, modelOf } from '../../../src/gateway/upstream/endpoints.test-data.ts'
import { EndpointPicker } from '../../../src/gateway/upstream/endpoints.ts'
import { describeUpstreams } from '../../../src/gateway/upstream/list-upstreams.ts'
import { type ApiServer, startApi } from '../api-server.ts'

const clock = { nowMs: 1000 }
const now = (): number => clock.nowMs
const endpoints = new EndpointPicker({ now, random: () => 0 })
const admission = new Admission(
  { concurrencyMax: 7, agentConcurrencyMax: 7, agentQueueMax: 1, queueMax: 1, waitMsMax: 1 },
  now,
)
const recorder = { replicaId: 'replica-1' }

let api: ApiServer
before(async () => {
  const upstreams = { list: () => describeUpstreams({ endpoints, admission, recorder }) }
  api = await startApi(() => ({ upstreams }))
})
after(() => api[Symbol.asyncDispose]())

test('shows what this process knows of each upstream, with keys by name alone', async () => {
  const cloud = endpointOf('cloud', {
    baseUrl: 'https://cloud.example/v1?api-version=1&sig=secret',
    apiKeyEnvs: ['CLOUD_KEY', 'CLOUD_KEY_2'],
  })
  const model = modelOf([cloud, endpointOf('local', { tier: 1, upstreamModel: 'small' })])
  const pick = () => endpoints.pick(model, { api: 'chat', tried: new Set() })
  pick()?.report({ kind: 'ok', firstByteMs: 123 })
  pick()?.report({ kind: 'status', status: 429, retryAfterMs: 5000 })
  for (let count = 0; count < 3; count += 1) {
    pick()?.report({ kind: 'failed', code: 'upstream.timeout', neverSent: false })
  }
  pick()
  const found = await api.client.listUpstreams()
  assert.equal(found.replica, 'replica-1')
  assert.deepEqual(found.admission, { running: 0, waiting: 0, concurrencyMax: 7 })
  const [first, second] = found.upstreams
  assert.equal(first?.upstream, 'https://cloud.example/v1')
  assert.deepEqual(first.usedAs, ['m/cloud'])
  assert.equal(first.state, 'open')
  assert.equal(first.lastError?.what, 'upstream.timeout')
  assert.equal(Date.parse(first.nextProbeAt ?? '') - Date.parse(found.at), 1000)
  assert.equal(first.firstByteMs, 123)
  assert.deepEqual([first.calls, first.errors, first.ejections, first.inFlight], [5, 3, 1, 0])
  const rests = first.keys.filter((key) => key.state === 'rate-limited')
  assert.equal(rests.length, 1)
  assert.equal(Date.parse(rests[0]?.until ?? '') - Date.parse(found.at), 5000)
  const names = new Set(first.keys.map((key) => key.env))
  assert.deepEqual(names, new Set(['CLOUD_KEY', 'CLOUD_KEY_2']))
  assert.deepEqual([second?.model, second?.state, second?.inFlight], ['small', 'closed', 1])
  assert(!JSON.stringify(found).includes('secret'))
})

test('is for operators and auditors', async () => {
  for (const [role, mayRead] of [
    ['auditor', true],
    ['operator', true],
    ['launcher', false],
    ['approver', false],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    const { key } = await api.client.addOperator({ name: `a ${role}`, role })
    const client = createClient({ baseUrl: api.baseUrl, key })
    // oxlint-disable-next-line no-await-in-loop
    if (mayRead) await client.listUpstreams()
    // oxlint-disable-next-line no-await-in-loop
    else await assert.rejects(client.listUpstreams(), { status: 403, code: 'auth.forbidden' })
  }
})
