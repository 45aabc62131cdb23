// A real tool server, the example shop, behind the gateway, over HTTP and over stdio: what is
// written down on both sides agrees.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { journalRows, openShop, worldDigest } from '../examples/retail/index.ts'
import { generateShop } from '../examples/retail/seed/generate.ts'
import { createTestDatabase } from '../examples/retail/test-database.ts'
import { sevenWrites } from '../examples/retail/test-writes.ts'
import { enrol, standGround, type TestAgent } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { shopProgram, startShop } from './harness/shop.ts'

const ground = await standGround()
const owner = new AsyncDisposableStack()
after(() => owner.disposeAsync())
const { url: databaseUrl } = owner.use(await createTestDatabase())
const http = owner.use(await startShop(databaseUrl))
const shop = owner.use(await openShop({ databaseUrl, poolMax: 4 }))
const data = generateShop(1)
const writes = sevenWrites(data)

const write: Json = {
  effect: 'reversible',
  undo: { tool: 'undo_effect', arguments: { effect_key: '{{effect.key}}' } },
  probe: {
    tool: 'probe_effect',
    arguments: { effect_key: '{{effect.key}}' },
    done: 'result.found == true',
  },
}
const reads = ['find_user_id_by_email', 'get_order_details', 'get_user_details']
const tools = Object.fromEntries([
  ...reads.map((name) => [`shop/${name}`, { effect: 'read' }]),
  ...writes.map((one) => [`shop/${one.tool}`, write]),
])
const transports: Readonly<Record<string, Json>> = {
  HTTP: { transport: 'http', url: http.url },
  stdio: {
    transport: 'stdio',
    command: process.execPath,
    args: [shopProgram, '--stdio'],
    env: { RETAIL_DATABASE_URL: databaseUrl },
  },
}

async function enrolDesk(transport: Json): Promise<TestAgent> {
  return enrol(ground, {
    toolServers: { shop: transport },
    tools,
    permissions: [{ id: 'tools', effect: 'allow', tools: ['shop/*'] }],
  })
}

for (const [name, transport] of Object.entries(transports)) {
  test(`over ${name}: seven writes, each repeated, each one row of the journal; undone, all is as before`, async () => {
    const agent = await enrolDesk(transport)
    await using session = await agent.open({}, 'shop')
    const email = Object.values(data.users)[0]?.email ?? ''
    const found = await session.call('find_user_id_by_email', { email })
    assert.equal(found.value, Object.keys(data.users)[0])
    const before = await worldDigest(shop, session.id)
    const callIds: string[] = []
    for (const one of writes) {
      const reply = await session.call(one.tool, one.arguments)
      assert.equal(reply.isError, false, JSON.stringify(reply.value))
      const repeat = await session.call(one.tool, one.arguments)
      assert.deepEqual(repeat.value, reply.value)
      callIds.push(String(reply.meta['airworthy/call']))
    }
    const journal = await journalRows(shop, { world: session.id })
    const { effects } = await session.detail()
    assert.deepEqual(
      journal.map((row) => [row.tool, row.effectKey]),
      effects.map((effect) => [effect.action.slice('shop/'.length), effect.key]),
    )
    assert.notEqual(await worldDigest(shop, session.id), before)
    for (const callId of callIds.toReversed()) await ground.server.client.undoCall(callId)
    assert.equal(await worldDigest(shop, session.id), before)
  })

  test(`over ${name}: what the shop refuses goes to the agent, leaves no row, and may be tried again`, async () => {
    const agent = await enrolDesk(transport)
    await using session = await agent.open({}, 'shop')
    const args = { order_id: '#W0000000', reason: 'no longer needed' }
    for (const attempt of [1, 2]) {
      const reply = await session.call('cancel_pending_order', args)
      assert.equal(reply.isError, true, `attempt ${attempt}`)
      assert.equal(reply.meta['airworthy/repeat-of'], undefined)
      assert.equal(at(reply.value, 'denied'), undefined, 'it is the shop that refuses')
    }
    assert.deepEqual(await journalRows(shop, { world: session.id }), [])
  })
}
