// Providers that go down while calls are made: clients hear nothing of it as long as another
// endpoint, or another key, can take their call.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { runCli } from '../server/test/cli/run-cli.ts'
import { chat } from './harness/clients.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import type { Json } from './harness/json.ts'
import { prices } from './harness/manifest.ts'
import { startSwitchedUpstream } from './harness/switched-upstream.ts'
import { until } from './harness/until.ts'

const ground = await standGround({ env: { KEY_ONE: 'one', KEY_TWO: 'two' } })
const { server } = ground
const cloud = await startSwitchedUpstream()
const local = await startSwitchedUpstream()
after(async () => {
  await cloud[Symbol.asyncDispose]()
  await local[Symbol.asyncDispose]()
})

const limits = { session: { calls: 5000, tokens: 100_000_000 } }
const keys = { apiKeyEnvs: ['KEY_ONE', 'KEY_TWO'] }

/** A session of an agent whose model has these endpoints. */
async function openWith(endpoints: readonly Json[], model: Json = {}): Promise<TestSession> {
  const common = { name: 'fake', prices, maxOutputTokens: 1000, timeoutMs: 20_000 }
  const wired = endpoints.map((endpoint) => ({ wire: 'openai', ...endpoint }))
  const agent = await enrol(ground, {
    limits,
    more: { models: [{ ...common, ...model, endpoints: wired }] },
  })
  return agent.open()
}

async function stateOf(baseUrl: string, model: string): Promise<string | undefined> {
  const { upstreams } = await server.client.listUpstreams()
  return upstreams.find((each) => each.upstream === baseUrl && each.model === model)?.state
}

test('a provider that resets every connection is ejected, seen by no client, and taken back', async () => {
  const model = { upstreamModel: 'failover' }
  await using session = await openWith([
    { name: 'cloud', baseUrl: cloud.baseUrl, ...model },
    { name: 'local', baseUrl: local.baseUrl, ...model },
  ])
  cloud.mode = { kind: 'reset' }
  const askedBefore = cloud.asked.length
  for (let count = 0; count < 60; count += 1) {
    const reply = await session.post(chat())
    assert.equal(reply.status, 200, reply.text)
    assert.equal(reply.headers.get('airworthy-endpoint'), 'local')
  }
  assert.notEqual(await stateOf(cloud.baseUrl, 'failover'), 'closed')
  assert(cloud.asked.length - askedBefore < 30, 'it is spared most of the calls')
  cloud.mode = { kind: 'well' }
  // How soon is measured by the evidence `provider-down`, on a machine that does nothing else.
  const isBack = async (): Promise<boolean> => {
    const reply = await session.post(chat())
    assert.equal(reply.status, 200, reply.text)
    return reply.headers.get('airworthy-endpoint') === 'cloud'
  }
  await until('calls to the provider that recovered', isBack, 60_000)
  assert.equal(await stateOf(cloud.baseUrl, 'failover'), 'closed')
})

test('the local model answers while the cloud refuses connections, and the cloud before', async () => {
  const gone = await startSwitchedUpstream()
  const model = { upstreamModel: 'hybrid' }
  await using session = await openWith([
    { name: 'local', baseUrl: local.baseUrl, tier: 1, ...model },
    { name: 'cloud', baseUrl: gone.baseUrl, tier: 0, ...model },
  ])
  const first = await session.post(chat())
  assert.equal(first.headers.get('airworthy-endpoint'), 'cloud')
  await gone[Symbol.asyncDispose]()
  for (let count = 0; count < 10; count += 1) {
    const reply = await session.post(chat())
    assert.equal(reply.status, 200, reply.text)
    assert.equal(reply.headers.get('airworthy-endpoint'), 'local')
  }
  const { calls } = await session.detail()
  assert(
    calls.every((call) => call.state === 'done'),
    'what was never sent is not unknown',
  )
})

test('a key with a 429 rests until Retry-After while the other one serves', async () => {
  await using session = await openWith([
    { name: 'cloud', baseUrl: cloud.baseUrl, upstreamModel: 'keys', ...keys },
  ])
  cloud.mode = { kind: 'well' }
  cloud.modes.set('Bearer one', { kind: 'status', status: 429, retryAfter: '600' })
  const from = cloud.asked.length
  for (let count = 0; count < 10; count += 1) {
    const reply = await session.post(chat())
    assert.equal(reply.status, 200, reply.text)
  }
  const used = cloud.asked.slice(from).map((each) => each.authorization)
  assert.equal(used.filter((key) => key === 'Bearer one').length, 1)
  const { upstreams } = await server.client.listUpstreams()
  const found = upstreams.find((each) => each.model === 'keys')
  const states = found?.keys.map(({ env, state }) => `${env ?? ''} ${state}`).toSorted()
  assert.deepEqual(states, ['KEY_ONE rate-limited', 'KEY_TWO ready'])
  cloud.modes.clear()
})

test('Retry-After is waited for where there is nowhere else to go, if it is short enough', async () => {
  const upstream = await startSwitchedUpstream()
  await using session = await openWith([{ name: 'only', baseUrl: upstream.baseUrl }])
  upstream.mode = { kind: 'status', status: 503, retryAfter: '1' }
  const waiting = session.post(chat())
  await until('the first attempt', () => upstream.asked.length === 1)
  upstream.mode = { kind: 'well' }
  const reply = await waiting
  assert.equal(reply.status, 200, reply.text)
  assert.equal(reply.headers.get('airworthy-attempts'), '2')
  const [first, second] = upstream.asked
  assert((second?.atMs ?? 0) - (first?.atMs ?? 0) >= 1000)
  upstream.mode = { kind: 'status', status: 503, retryAfter: '600' }
  const refused = await session.post(chat())
  assert.equal(refused.status, 503)
  assert.equal(refused.headers.get('retry-after'), '600')
  assert.equal(refused.headers.get('airworthy-attempts'), '1')
  await upstream[Symbol.asyncDispose]()
})

test('the command line shows the state of upstreams, and no key', async () => {
  const env = { AIRWORTHY_URL: server.url, AIRWORTHY_OPERATOR_KEY: server.operatorKey }
  const table = await runCli(['upstream', 'list'], { env })
  assert.equal(table.exitCode, 0, table.stderr)
  assert.match(table.stdout, /^UPSTREAM +MODEL +STATE/)
  assert.match(table.stdout, /KEY_ONE rate-limited until/)
  assert.match(table.stderr, /Model calls: 0 of 1000 running, 0 waiting/)
  const json = await runCli(['upstream', 'list', '--json'], { env })
  const { replica, upstreams } = JSON.parse(json.stdout)
  assert.match(replica, /^[0-9a-f-]{36}$/)
  assert(upstreams.length > 3)
  assert(!/Bearer|"one"|"two"/.test(json.stdout))
})
