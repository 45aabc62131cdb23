// Resources, prompts and completion: closed unless the manifest opens them, decided and recorded as
// calls, the same for both official clients.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createTestDatabase } from '../server/test/database.ts'
import { enrol, standGround } from './harness/ground.ts'
import { startHttpTools } from './harness/http-tools.ts'
import { at, type Json } from './harness/json.ts'
import { connectNew, connectOld } from './harness/mcp-clients.ts'
import { startServer } from './harness/server.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const owner = new AsyncDisposableStack()
after(() => owner.disposeAsync())
const upstream = owner.use(await startHttpTools({ legacy: true }))

const clients = [
  ['the 1.32 client', connectOld],
  ['the 2.4 client', connectNew],
] as const

const features = {
  'desk/resources.read': { effect: 'read' },
  'desk/resources.subscribe': { effect: 'read' },
  'desk/prompts.get': { effect: 'read' },
  'desk/completion.complete': { effect: 'read' },
}
const allowed: readonly Json[] = [{ id: 'all', effect: 'allow', tools: ['desk/*'] }]

async function open(options: { server?: Json; tools?: Json; permissions?: readonly Json[] } = {}) {
  const server = { transport: 'http', url: upstream.url, timeoutMs: 20_000, ...options.server }
  const agent = await enrol(ground, {
    toolServers: { desk: server },
    tools: { 'desk/echo': { effect: 'read' }, ...options.tools },
    permissions: options.permissions ?? allowed,
  })
  const session = await agent.open()
  const url = `${ground.server.url}/s/${session.sessionKey}/mcp/desk`
  return { door: { url, apiKey: agent.apiKey }, id: session.id, detail: session.detail }
}

const opened = { resources: ['note://open/*'], prompts: ['greet'] }

async function codeOf(asking: Promise<unknown>): Promise<unknown> {
  return asking.then(
    () => 'it went through',
    (thrown: unknown) => at(thrown, 'data.code') ?? String(thrown),
  )
}

for (const [name, connect] of clients) {
  test(`${name}: without a word in the manifest there are tools only`, async () => {
    const { door } = await open()
    await using client = await connect(door)
    const { resources, prompts, completions } = client.capabilities()
    assert.deepEqual([resources, prompts, completions], [undefined, undefined, undefined])
    assert.match(
      String(await codeOf(client.read('note://open/a'))),
      /-32601|not support|not found/i,
    )
  })

  test(`${name}: what is opened is listed, read, completed, and each read is a call`, async () => {
    const { door, detail } = await open({ server: opened, tools: features })
    await using client = await connect(door)
    assert.deepEqual(await client.listResources(), ['note://open/a', 'note://open/b'])
    assert.deepEqual(await client.listTemplates(), ['note://open/{id}'])
    assert.deepEqual(await client.listPrompts(), ['greet'])
    const listed = (await client.listTools()).map((tool) => tool['name'])
    assert.deepEqual(listed, ['echo'], 'features are no tools')
    assert.equal(at(await client.read('note://open/a'), '0.text'), upstream.state.note)
    const prompt = await client.getPrompt('greet', { who: 'Ada' })
    assert.equal(at(prompt, 'messages.0.content.text'), 'Hello Ada')
    assert.equal(typeof at(prompt, '_meta.airworthy/receipt'), 'string')
    assert.deepEqual(at(await client.complete('greet', { name: 'who', value: 'A' }), 'values'), [
      'A!',
    ])
    const { calls } = await detail()
    assert.deepEqual(calls.map((call) => `${call.action} ${call.state}`).toSorted(), [
      'desk/completion.complete done',
      'desk/prompts.get done',
      'desk/resources.read done',
    ])
  })

  test(`${name}: what is not opened cannot be read, not by a way round either`, async () => {
    const { door, detail } = await open({ server: opened, tools: features })
    await using client = await connect(door)
    upstream.state.called.length = 0
    const ways = [
      'note://secret/c',
      'note://open/../secret/c',
      'note://open/%2e%2e/secret/c',
      'note://open/x%2F..%2Fsecret/c',
      'note://open/..',
    ]
    for (const uri of ways) assert.equal(await codeOf(client.read(uri)), 'tool.arguments_invalid')
    assert.equal(await codeOf(client.getPrompt('other', {})), 'tool.arguments_invalid')
    assert.deepEqual(upstream.state.called, [])
    const { calls } = await detail()
    assert.equal(calls.length, ways.length + 1)
    assert(calls.every((call) => call.state === 'denied'))
  })

  test(`${name}: a rule decides over a read as over a call`, async () => {
    const reason = 'a is for people'
    const when = "args.uri == 'note://open/a'"
    const rule = { id: 'not-a', effect: 'deny', tools: ['desk/resources.read'], when, reason }
    const { door } = await open({
      server: opened,
      tools: features,
      permissions: [...allowed, rule],
    })
    await using client = await connect(door)
    assert.equal(await codeOf(client.read('note://open/a')), 'policy.denied')
    assert.equal(at(await client.read('note://open/b'), '0.text'), upstream.state.note)
  })
}

test('an agent that follows a resource is told when it changes, and of no other', async () => {
  const { door } = await open({ server: opened, tools: features })
  await using client = await connectNew(door)
  const told: string[] = []
  await client.follow('note://open/a', (uri) => told.push(uri))
  await until('the change to be told', () => {
    for (const uri of ['note://open/b', 'note://secret/c', 'note://open/a']) {
      upstream.notify.resourceUpdated(uri)
    }
    return told.length > 3
  })
  assert.deepEqual([...new Set(told)], ['note://open/a'])
  await assert.rejects(client.follow('note://secret/c', () => undefined))
})

test('an older client subscribes, and hears of the change on its own stream', async () => {
  const { door } = await open({ server: opened, tools: features })
  await using client = await connectOld(door)
  let told = 0
  await client.follow('note://open/a', () => (told += 1))
  await until('the change to be told', () => {
    upstream.notify.resourceUpdated('note://open/a')
    return told > 0
  })
})

for (const [name, connect] of clients) {
  test(`${name}: streams end with the handover of the session, and none opens before its end`, async () => {
    const { door, id } = await open({ server: opened, tools: features })
    await using client = await connect(door)
    let told = 0
    await client.follow('note://open/a', () => (told += 1))
    await until('the change to be told', () => {
      upstream.notify.resourceUpdated('note://open/a')
      return told > 0
    })
    const headers = { authorization: `Bearer ${door.apiKey}`, accept: 'text/event-stream' }
    const stream = await fetch(door.url, { headers, signal: AbortSignal.timeout(30_000) })
    assert.equal(stream.status, 200)
    const reading = stream.text()
    const handover = await ground.server.client.handOverSession(id, { reason: 'ask' })
    await reading
    const refused = await fetch(door.url, { headers })
    assert.deepEqual([refused.status, refused.headers.get('x-should-retry')], [409, 'false'])
    assert.match(await refused.text(), /session\.handed_over/)
    const before = told
    upstream.notify.resourceUpdated('note://open/a')
    await ground.server.client.takeHandover(handover.id)
    assert.equal(told, before, 'nothing more is told')
    await ground.server.client.giveBack(handover.id)
    const again = await fetch(door.url, { headers })
    assert.equal(again.status, 200)
    await again.body?.cancel()
  })
}

test('a server that stops ends the streams that agents have open', async () => {
  await using database = await createTestDatabase()
  await using server = await startServer({ databaseUrl: database.url })
  const agent = await enrol(
    { ...ground, server },
    {
      toolServers: { desk: { transport: 'http', url: upstream.url, ...opened } },
      tools: features,
      permissions: allowed,
    },
  )
  const session = await agent.open()
  const url = `${server.url}/s/${session.sessionKey}/mcp/desk`
  await using client = await connectNew({ url, apiKey: agent.apiKey })
  await client.follow('note://open/a', () => undefined)
  const began = performance.now()
  assert.equal(await server.terminate(), 0)
  assert(performance.now() - began < 10_000, 'it did not wait for the stream')
})
