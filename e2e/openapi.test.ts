// HTTP APIs as tools, through the whole program: a real API, its OpenAPI document, the operator's
// command line, the agent's MCP client.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { asRecord, at, type Json, textAt } from './harness/json.ts'
import { manifestText } from './harness/manifest.ts'
import { ordersDocument, startOrdersApi } from './harness/orders-api.ts'
import { temporaryDirectory } from './harness/server.ts'
import { until } from './harness/until.ts'

const owner = new AsyncDisposableStack()
after(() => owner.disposeAsync())
const api = owner.use(await startOrdersApi())
const ground = await standGround({ env: { ORDERS_TOKEN: api.token } })

const tools: Json = {
  'shop/listOrders': { effect: 'read' },
  'shop/getOrder': { effect: 'read' },
  'shop/echo': { effect: 'read' },
  'shop/moved': { effect: 'read' },
  'shop/createOrder': {
    effect: 'reversible',
    key: '{{args.body.item}}',
    amount: { argument: 'body.amount', currency: 'USD' },
    undo: { tool: 'deleteOrder', arguments: { id: '{{result.id}}' } },
    probe: {
      tool: 'findEffect',
      arguments: { key: '{{effect.key}}' },
      done: 'result.found == true',
    },
  },
}
const permissions = [
  { id: 'shop', effect: 'allow', tools: ['shop/*'] },
  {
    id: 'small',
    effect: 'deny',
    tools: ['shop/createOrder'],
    when: 'args.body.amount > 1000',
    reason: 'too much',
  },
]

function shopServer(more: Json = {}): Json {
  return {
    transport: 'openapi',
    document: { inline: ordersDocument },
    baseUrl: api.url,
    operations: [
      'listOrders',
      'getOrder',
      'createOrder',
      'deleteOrder',
      'findEffect',
      'echo',
      'moved',
    ],
    auth: { kind: 'bearer', env: 'ORDERS_TOKEN' },
    allowPrivate: ['127.0.0.1'],
    timeoutMs: 1000,
    ...more,
  }
}

async function open(more: Json = {}, options: Json = {}): Promise<TestSession> {
  const toolServers = { shop: shopServer(more) }
  const agent = await enrol(ground, { toolServers, tools, permissions, ...options })
  return agent.open({}, 'shop')
}

function created(): readonly unknown[] {
  return api.arrived.filter(({ method }) => method === 'POST')
}

beforeEach(() => {
  api.arrived.length = 0
  api.orders.clear()
  api.document = ordersDocument
})

test('its operations are tools: those that are listed and permitted, and no others', async () => {
  await using session = await open()
  const listed = await session.listTools()
  assert.deepEqual(listed.toSorted(), ['createOrder', 'echo', 'getOrder', 'listOrders', 'moved'])
  const made = await session.call('createOrder', { body: { item: 'tea', amount: 5 } })
  assert.deepEqual(made.value, { id: 'o-1', item: 'tea', amount: 5 })
  const read = await session.call('getOrder', { id: 'o-1' })
  assert.deepEqual(read.value, made.value)
  const list = await session.call('listOrders', { items: ['tea', 'a&b'] })
  assert.deepEqual(list.value, [made.value])
  assert.equal(api.arrived.at(-1)?.url, '/orders?items=tea&items=a%26b')
  const wipe = await session.call('wipe')
  assert.equal(at(wipe.value, 'code'), 'tool.unknown')
})

test('rules read what an operation takes, and its amount', async () => {
  await using session = await open()
  const denied = await session.call('createOrder', { body: { item: 'yacht', amount: 1001 } })
  assert.equal(at(denied.value, 'code'), 'policy.denied')
  assert.deepEqual(created(), [])
})

test('a write carries its effect key, happens once, and is undone by its contract', async () => {
  await using session = await open()
  const body = { item: 'tea', amount: 5 }
  const first = await session.call('createOrder', { body })
  const repeat = await session.call('createOrder', { body })
  assert.deepEqual(repeat.value, first.value)
  assert.equal(created().length, 1)
  const { effects } = await session.detail()
  assert.equal(at(created()[0], 'headers.idempotency-key'), effects[0]?.key)
  assert.equal(api.orders.size, 1)
  await ground.server.client.undoCall(textAt(first.meta, 'airworthy/call'), { reason: 'a test' })
  assert.equal(api.orders.size, 0)
  assert.equal((await session.detail()).effects[0]?.state, 'undone')
})

test('cut off after it took effect, a write is found by its probe and not made again', async () => {
  await using session = await open()
  const body = { item: 'cake', amount: 7 }
  api.failNextWrite = 'after'
  const lost = await session.call('createOrder', { body })
  assert.equal(at(lost.value, 'code'), 'effect.unknown')
  const repeat = await session.call('createOrder', { body })
  assert.deepEqual([repeat.isError, repeat.value], [false, { id: 'o-1', item: 'cake', amount: 7 }])
  assert.deepEqual([created().length, api.orders.size], [1, 1])
})

test('cut off before it took effect, it may be made again once the probe can tell', async () => {
  await using session = await open()
  const body = { item: 'pie', amount: 9 }
  api.failNextWrite = 'before'
  const lost = await session.call('createOrder', { body })
  assert.equal(at(lost.value, 'code'), 'effect.unknown')
  const again = await until('the probe to find nothing', async () => {
    const reply = await session.call('createOrder', { body })
    return reply.isError ? undefined : reply
  })
  assert.deepEqual(again.value, { id: 'o-1', item: 'pie', amount: 9 })
  assert.deepEqual([created().length, api.orders.size], [2, 1])
})

test('an error of the API is a failed effect, which may be tried again', async () => {
  await using session = await open()
  const missing = await session.call('getOrder', { id: 'none' })
  assert.equal(missing.isError, true)
  assert.deepEqual(at(missing.value, 'reply'), { error: 'no order none' })
  assert.equal(at(missing.value, 'status'), 404)
})

const hostile: [string, string, Json][] = [
  ['a path that climbs', 'getOrder', { id: '../admin/wipe' }],
  ['an encoded path that climbs', 'getOrder', { id: '..%2fadmin%2fwipe' }],
  ['dots', 'getOrder', { id: '..' }],
  ['a line break in a path', 'getOrder', { id: 'a\r\nHost: evil' }],
  ['a header with a line break', 'echo', { 'X-Note': 'a\r\nX-Admin: 1' }],
  ['an argument that is not declared', 'getOrder', { id: 'o-1', admin: true }],
  ['a field that is not declared', 'createOrder', { body: { item: 'a', amount: 1, admin: true } }],
  ['a header of the connection', 'echo', { Host: 'evil', Authorization: 'Bearer mine' }],
]
test('arguments that would reach anything else are refused, and nothing arrives', async () => {
  await using session = await open()
  for (const [name, tool, args] of hostile) {
    const reply = await session.call(tool, args)
    assert.deepEqual(
      [reply.isError, at(reply.value, 'code')],
      [true, 'tool.arguments_invalid'],
      name,
    )
  }
  assert.deepEqual(api.arrived, [])
})

test('a redirect is not followed', async () => {
  await using session = await open()
  const reply = await session.call('moved')
  assert.deepEqual([reply.isError, at(reply.value, 'status')], [true, 302])
  assert.deepEqual(
    api.arrived.map(({ url }) => url),
    ['/moved'],
  )
})

test('the secret reaches the API, and neither the agent nor the record, though the API repeats it', async () => {
  await using session = await open()
  const reply = await session.call('echo', { 'X-Note': 'hello' })
  assert.equal(at(reply.value, 'x-note'), 'hello')
  assert.equal(at(reply.value, 'authorization'), 'Bearer [credential removed by Airworthy]')
  assert.equal(api.arrived[0]?.headers.authorization, `Bearer ${api.token}`)
  const call = await ground.server.client.getCall(textAt(reply.meta, 'airworthy/call'))
  assert.equal(JSON.stringify(call).includes(api.token), false)
})

test('an API at a private address is not enrolled unless the manifest allows it', async () => {
  const { port } = new URL(api.url)
  for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '0x7f000001']) {
    await assert.rejects(open({ baseUrl: `https://${host}:${port}`, allowPrivate: [] }), {
      code: 'upstream.address_forbidden',
    })
  }
  const remote = { document: { url: `${api.url}/openapi.json` }, allowPrivate: [], auth: undefined }
  await assert.rejects(open({ ...remote, baseUrl: 'https://8.8.8.8' }), {
    code: 'upstream.address_forbidden',
  })
  assert.deepEqual(api.arrived, [])
})

test('a document that changes where a tool goes is drift, and held', async () => {
  const document = { url: `${api.url}/openapi.json`, refreshSeconds: 1 }
  await using session = await open({ document }, { drift: { tools: 'hold' } })
  assert.equal((await session.call('listOrders')).isError, false)
  const paths = asRecord(ordersDocument['paths'])
  api.document = {
    ...ordersDocument,
    paths: { ...paths, '/orders': undefined, '/v2/orders': paths['/orders'] },
  }
  let asked = 0
  const held = await until('the new document to be seen', async () => {
    asked += 1
    const reply = await session.call('listOrders', { items: [String(asked)] })
    return at(reply.value, 'code') === 'call.held' ? reply : undefined
  })
  assert.equal(at(held.value, 'held'), true)
  assert.equal(
    api.arrived.some(({ url }) => url.startsWith('/v2')),
    false,
  )
})

test('the command line enrols a document that the manifest names as a file', async () => {
  const directory = await temporaryDirectory(owner)
  await writeFile(join(directory, 'orders.json'), JSON.stringify(ordersDocument))
  const toolServers = { shop: shopServer({ document: { file: 'orders.json' } }) }
  const manifest = manifestText({
    name: 'from-a-file',
    modelBaseUrl: ground.upstream.base('echo', 'from-a-file'),
    toolsUrl: '',
    toolServers,
    tools,
    permissions,
  })
  const file = join(directory, 'agent.json')
  await writeFile(file, manifest)
  const enrolled = await airworthy('agent', 'enrol', '-f', file, '--json')
  assert.equal(at(JSON.parse(enrolled.stdout), 'agent.name'), 'from-a-file')
  await writeFile(file, manifest.replace('orders.json', 'none.json'))
  await assert.rejects(airworthy('agent', 'enrol', '-f', file), (thrown) => {
    assert.match(
      String(at(thrown, 'stderr')),
      /no OpenAPI document that can be read at .*none\.json/,
    )
    return at(thrown, 'code') === 64
  })
})

const program = fileURLToPath(new URL('../server/bin/airworthy.js', import.meta.url))

function airworthy(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    AIRWORTHY_URL: ground.server.url,
    AIRWORTHY_OPERATOR_KEY: ground.server.operatorKey,
  }
  return promisify(execFile)(process.execPath, [program, ...args], { env })
}
