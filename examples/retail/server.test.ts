// The shop as others use it: a process of its own, spoken to by the official client.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import { journalRows, openShop } from './index.ts'
import { generateShop } from './seed/generate.ts'
import { createTestDatabase, skipWithoutDatabase } from './test-database.ts'
import { sevenWrites } from './test-writes.ts'

const SERVER = join(import.meta.dirname, 'server.ts')
const TOOLS = 19
const data = generateShop(1)
const [cancel] = sevenWrites(data)
assert(cancel)

async function connect(transport: Transport): Promise<AsyncDisposable & { client: Client }> {
  const client = new Client({ name: 'test', version: '0' })
  await client.connect(transport)
  return { client, [Symbol.asyncDispose]: () => client.close() }
}

type Call = { name: string; arguments?: Record<string, unknown>; session: string; key?: string }

async function callTool(client: Client, call: Call) {
  const params = {
    name: call.name,
    arguments: call.arguments ?? {},
    _meta: { 'airworthy/session': call.session, 'airworthy/effect-key': call.key },
  }
  const result = await client.request({ method: 'tools/call', params }, CallToolResultSchema)
  const [content, ...others] = result.content
  assert.equal(others.length, 0)
  assert(content?.type === 'text')
  return { isError: result.isError === true, text: content.text }
}

// The same conversation over either transport.
async function converse(client: Client, session: string): Promise<void> {
  const { tools } = await client.listTools()
  assert.equal(tools.length, TOOLS)
  const email = Object.values(data.users)[0]?.email.toUpperCase()
  const found = await callTool(client, {
    name: 'find_user_id_by_email',
    arguments: { email },
    session,
  })
  assert.deepEqual(found, { isError: false, text: Object.keys(data.users)[0] })
  const write = { name: cancel?.tool ?? '', arguments: cancel?.arguments ?? {}, session, key: 'k1' }
  const done = await callTool(client, write)
  assert.equal(done.isError, false)
  const probe = { name: 'probe_effect', arguments: { effect_key: 'k1' }, session }
  assert.deepEqual(JSON.parse((await callTool(client, probe)).text), {
    found: true,
    tool: write.name,
    result: done.text,
    undone: false,
  })
  const elsewhere = await callTool(client, { ...probe, session: `${session}-other` })
  assert.equal(elsewhere.text, '{"found":false}')
  assert.equal((await callTool(client, { name: 'no_such_tool', session })).isError, true)
}

async function spawnHttp(
  databaseUrl: string,
  ...args: string[]
): Promise<AsyncDisposable & { url: URL; child: ChildProcess }> {
  const child = spawn(process.execPath, [SERVER, '--http', ...args], {
    env: { ...process.env, RETAIL_DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line]: unknown[] = await once(createInterface(child.stdout), 'line')
  const { listening } = z.object({ listening: z.url() }).parse(JSON.parse(String(line)))
  const stop = async () => {
    if (child.exitCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  return { url: new URL(listening), child, [Symbol.asyncDispose]: stop }
}

describe('the retail MCP server', { skip: skipWithoutDatabase }, () => {
  it('lists tools, reads, writes and probes over stdio, and exits when stdin ends', async () => {
    await using database = await createTestDatabase()
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [SERVER, '--stdio'],
      env: { RETAIL_DATABASE_URL: database.url },
    })
    {
      await using connection = await connect(transport)
      await converse(connection.client, 'stdio')
    }
    const child = spawn(process.execPath, [SERVER, '--stdio'], {
      env: { ...process.env, RETAIL_DATABASE_URL: database.url },
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    child.stdin.end()
    const [code]: unknown[] = await once(child, 'exit')
    assert.equal(code, 0)
  })

  it('does the same over HTTP, answers 32 calls at once, and stops cleanly on SIGTERM', async () => {
    await using database = await createTestDatabase()
    await using server = await spawnHttp(database.url)
    await using connection = await connect(new StreamableHTTPClientTransport(server.url))
    await converse(connection.client, 'http')
    const answers = await Promise.all(
      Array.from({ length: 32 }, (_, index) =>
        callTool(connection.client, {
          name: cancel?.tool ?? '',
          arguments: cancel?.arguments ?? {},
          session: `crowd-${index}`,
          key: 'crowd',
        }),
      ),
    )
    assert.deepEqual(new Set(answers.map((answer) => answer.isError)), new Set([false]))
    const health = await fetch(new URL('/healthz', server.url))
    assert.deepEqual([health.status, await health.json()], [200, { healthy: true }])
    server.child.kill('SIGTERM')
    const [code]: unknown[] = await once(server.child, 'exit')
    assert.equal(code, 0)
  })

  it('commits a write whose caller gives up before the reply, and the probe finds it', async () => {
    await using database = await createTestDatabase()
    await using server = await spawnHttp(database.url, '--delay-after-commit-ms', '1500')
    await using connection = await connect(new StreamableHTTPClientTransport(server.url))
    const impatient = connection.client.callTool(
      {
        name: cancel.tool,
        arguments: cancel.arguments,
        _meta: { 'airworthy/session': 'lost', 'airworthy/effect-key': 'lost-key' },
      },
      undefined,
      { timeout: 700 },
    )
    await assert.rejects(impatient, /timed out/i)
    const probe = { name: 'probe_effect', arguments: { effect_key: 'lost-key' }, session: 'lost' }
    assert.match((await callTool(connection.client, probe)).text, /"found":true/)
    await using shop = await openShop({ databaseUrl: database.url })
    assert.equal((await journalRows(shop, { effectKey: 'lost-key' })).length, 1)
  })

  it('says in one line why it cannot start without a database, and no password', async () => {
    const child = spawn(process.execPath, [SERVER, '--http'], {
      env: { ...process.env, RETAIL_DATABASE_URL: 'postgres://shop:secret@127.0.0.1:1/shop' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const lines: string[] = []
    for await (const line of createInterface(child.stderr)) lines.push(line)
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /cannot use its database at 127\.0\.0\.1:1/)
    assert.doesNotMatch(lines[0] ?? '', /secret/)
  })
})
