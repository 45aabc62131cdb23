// Tool servers that end, lie, block or flood: one clear answer each, and nothing done twice.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { AirworthyApiError } from '@airworthy/sdk'
import { enrol, standGround } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { temporaryDirectory } from './harness/server.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const owner = new AsyncDisposableStack()
after(() => owner.disposeAsync())
const directory = await temporaryDirectory(owner)

const tools = { 'bad/write_order': { effect: 'irreversible' }, 'bad/get_order': { effect: 'read' } }
const permissions = [{ id: 'tools', effect: 'allow', tools: ['bad/*'] }]

function journalOf(behaviour: string): string {
  return join(directory, `${behaviour}.journal`)
}

async function journalled(behaviour: string): Promise<number> {
  const text = await readFile(journalOf(behaviour), 'utf8').catch(() => '')
  return text.split('\n').length - 1
}

function badServer(behaviour: string, timeoutMs = 2000): Json {
  const program = join(import.meta.dirname, 'harness', 'bad-tool-server.ts')
  const args = [program, behaviour, journalOf(behaviour)]
  return { bad: { transport: 'stdio', command: process.execPath, args, timeoutMs } }
}

async function open(behaviour: string, timeoutMs?: number) {
  const agent = await enrol(ground, {
    toolServers: badServer(behaviour, timeoutMs),
    tools,
    permissions,
  })
  return agent.open({}, 'bad')
}

test('a server that ends in the middle of a write: unknown, and a repeat does not write again', async () => {
  await using session = await open('crash')
  const crashed = await session.call('write_order')
  assert.deepEqual([crashed.isError, at(crashed.value, 'code')], [true, 'effect.unknown'])
  const repeat = await session.call('write_order')
  assert.equal(at(repeat.value, 'code'), 'effect.unknown')
  assert.equal(await journalled('crash'), 1)
  // It is started anew for the next call; a read that it breaks off has simply failed.
  const read = await session.call('get_order')
  assert.equal(at(read.value, 'code'), 'upstream.interrupted')
  assert.equal(await journalled('crash'), 2)
})

test('a server that answers no JSON-RPC: the write is unknown when its time is over', async () => {
  await using session = await open('garbage', 500)
  const reply = await session.call('write_order')
  assert.equal(at(reply.value, 'code'), 'effect.unknown')
  assert.equal((await session.call('get_order')).isError, true)
})

test('a server that chats on stdout is served all the same', async () => {
  await using session = await open('chatty')
  const reply = await session.call('write_order')
  assert.deepEqual([reply.isError, reply.value], [false, 'done'])
})

test('a flood over stdio is not read to its end: the write is unknown, and not done again', async () => {
  await using session = await open('huge')
  const reply = await session.call('write_order')
  assert.deepEqual([reply.isError, at(reply.value, 'code')], [true, 'effect.unknown'])
  assert.equal(at((await session.call('write_order')).value, 'code'), 'effect.unknown')
  assert.equal(await journalled('huge'), 1)
})

test('a result beyond the limit is not passed on; what was done stays done', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const text = 'x'.repeat(9 * 1024 * 1024)
  ground.tools.direct(session.id, 'write_order', () => ({ content: [{ type: 'text', text }] }))
  const reply = await session.call('write_order', { order_id: 'a' })
  assert.deepEqual([reply.isError, at(reply.value, 'code')], [true, 'upstream.invalid'])
  const { effects } = await session.detail()
  assert.equal(effects[0]?.state, 'done')
  const repeat = await session.call('write_order', { order_id: 'a' })
  assert.equal(repeat.meta['airworthy/repeat-of'], reply.meta['airworthy/call'])
  assert.equal(ground.tools.calls.filter((call) => call.session === session.id).length, 1)
})

test('a server that does not start, or never answers, cannot be enrolled', async () => {
  const away: Json = { bad: { transport: 'stdio', command: '/no/such/program', args: [] } }
  const closed: Json = { bad: { transport: 'http', url: 'http://127.0.0.1:1/mcp' } }
  for (const toolServers of [away, closed]) {
    await assert.rejects(enrol(ground, { toolServers, tools, permissions }), (thrown) => {
      assert(thrown instanceof AirworthyApiError)
      return thrown.code === 'manifest.tool_server_unreachable'
    })
  }
})

test('a server that cannot be enrolled leaves no process behind', async () => {
  await assert.rejects(enrol(ground, { toolServers: badServer('unlisted'), tools, permissions }), {
    code: 'manifest.tool_server_unreachable',
  })
  const pid = Number((await readFile(journalOf('unlisted'), 'utf8')).trim())
  assert(pid > 0)
  await until('its process to end', () => {
    try {
      process.kill(pid, 0)
      return false
    } catch {
      return true
    }
  })
})

test('a tool server that is away when a call comes: the call failed, and nothing was used', async () => {
  const agent = await enrol(ground, { limits: { session: { calls: 9 } } })
  await using session = await agent.open()
  assert.equal((await session.call('get_order', { order_id: 'a' })).isError, false)
  ground.tools.direct(session.id, 'get_order', (call) => {
    call.cut()
    return { content: [] }
  })
  const cut = await session.call('get_order', { order_id: 'a' })
  assert.equal(cut.isError, true)
  ground.tools.direct(session.id, 'get_order', undefined)
  await until('the server to be asked again', async () => {
    return !(await session.call('get_order', { order_id: 'a' })).isError
  })
})
