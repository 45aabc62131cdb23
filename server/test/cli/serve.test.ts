import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { createClient } from '@airworthy/sdk'
import { fieldOf } from '../api/api-server.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'
import { runCli, startCli } from './run-cli.ts'

let folder: string
let database: TestDatabase
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'airworthy-serve-'))
  database = await createTestDatabase({ migrated: false })
})
after(async () => {
  await database.drop()
  await rm(folder, { recursive: true })
})

async function serve(...more: string[]) {
  const args = ['serve', '--json', '--port', '0', '--data', join(folder, 'data'), ...more]
  const child = startCli(args, { env: { DATABASE_URL: database.url } })
  const stderr = text(child.stderr)
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(async () => Promise.reject(new Error(await stderr))),
  ])
  const ready: unknown = JSON.parse(String(line[0]))
  const stop = async (signal: NodeJS.Signals) => {
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
    return child.exitCode
  }
  return { ready, url: String(fieldOf(ready, 'listening')), stop }
}

const readKey = async () => (await readFile(join(folder, 'data', 'operator.key'), 'utf8')).trim()

test('prints one ready line, writes a private operator key, and stops at a signal', async () => {
  const server = await serve()
  assert.partialDeepStrictEqual(server.ready, {
    dataDir: join(folder, 'data'),
    operatorKeyFile: join(folder, 'data', 'operator.key'),
    databaseUrl: '(hidden)',
    embedded: false,
  })
  const { mode } = await stat(join(folder, 'data', 'operator.key'))
  assert.equal(mode & 0o777, 0o600)
  const client = createClient({ baseUrl: server.url, key: await readKey() })
  assert.deepEqual((await client.listAgents()).agents, [])
  assert.equal((await client.health()).status, 'ok')
  assert.equal(await server.stop('SIGTERM'), 0)
})

test('keeps the operator key over a restart, and makes a new one when it is told to', async () => {
  const first = await readKey()
  const kept = await serve()
  assert.equal(await readKey(), first)
  assert.equal(await kept.stop('SIGINT'), 0)
  const renewed = await serve('--new-operator-key')
  const now = await readKey()
  assert.notEqual(now, first)
  const lost = createClient({ baseUrl: renewed.url, key: first })
  await assert.rejects(lost.listAgents(), { code: 'auth.revoked_key' })
  await createClient({ baseUrl: renewed.url, key: now }).listAgents()
  assert.equal(await renewed.stop('SIGTERM'), 0)
})

test('doctor finds a running server well, and says what a stopped one leaves to be seen', async () => {
  const server = await serve()
  const data = join(folder, 'data')
  const up = await runCli(['doctor', '--data', data, '--url', server.url])
  assert.equal(up.exitCode, 0, up.stdout)
  assert.match(up.stdout, /^ok +log +\d+ entries, no gaps/m)
  assert.equal(await server.stop('SIGTERM'), 0)
  const env = { DATABASE_URL: database.url }
  const down = await runCli(['doctor', '--data', data, '--url', server.url, '--json'], { env })
  assert.equal(down.exitCode, 0, down.stdout)
  const checks = JSON.stringify(JSON.parse(down.stdout))
  for (const check of ['server', 'database', 'clock', 'log', 'effects', 'channels']) {
    assert.ok(checks.includes(`{"check":"${check}"`), check)
  }
  const wrong = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }
  const lost = await runCli(['doctor', '--data', data, '--url', server.url], { env: wrong })
  assert.equal(lost.exitCode, 1)
  assert.match(lost.stdout, /^fail +database/m)
})

test('says in one line that the port is in use, that a setting is wrong', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' && address !== null ? String(address.port) : ''
  const args = ['serve', '--data', join(folder, 'data')]
  const env = { DATABASE_URL: database.url }
  const taken = await runCli([...args, '--port', port], { env })
  other.close()
  assert.equal(taken.exitCode, 1)
  assert.match(taken.stderr, /^airworthy: start\.port_in_use: /m)
  assert.ok(!taken.stderr.includes('    at '))
  const wrong = await runCli([...args, '--port', 'http'], { env })
  assert.equal(wrong.exitCode, 64)
  assert.match(wrong.stderr, /--port must be a whole number/)
})

test('migrates a database, and finds nothing to do the second time', async () => {
  await using empty = await createTestDatabase({ migrated: false })
  const args = ['migrate', '--database-url', empty.url]
  assert.match((await runCli(args)).stdout, /^applied 0001-/)
  assert.match((await runCli(args)).stdout, /^nothing to do/)
})
