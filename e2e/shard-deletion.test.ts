// A closed shard of the log is deleted, as an admin does it, against the real server: what stays verifies,
// what is gone says so, and a restart finds no fork.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Client as Database } from 'pg'
import { AirworthyApiError, createClient } from '@airworthy/sdk'
import { createTestDatabase } from '../server/test/database.ts'
import { runCli } from '../server/test/cli/run-cli.ts'
import { chat } from './harness/clients.ts'
import { enrol } from './harness/ground.ts'
import { startFakeTools } from './harness/fake-tools.ts'
import { startFakeUpstream } from './harness/fake-upstream.ts'
import { type Server, startServer } from './harness/server.ts'
import { until } from './harness/until.ts'

const owner = new AsyncDisposableStack()
after(() => owner.disposeAsync())
const { url: databaseUrl } = owner.use(await createTestDatabase())
const database = new Database({ connectionString: databaseUrl })
await database.connect()
owner.defer(() => database.end())
const dataDir = await mkdtemp(join(tmpdir(), 'airworthy-shards-'))
owner.defer(() => rm(dataDir, { recursive: true, force: true }))
const upstream = owner.use(await startFakeUpstream())
const tools = owner.use(await startFakeTools())

function airworthy(server: Server, ...args: string[]) {
  const env = { AIRWORTHY_URL: server.url, AIRWORTHY_OPERATOR_KEY: server.operatorKey }
  return runCli(args, { env, cwd: dataDir })
}

/** The key of the open shard, once all that is in it is signed. */
async function openKey({ client }: Server): Promise<string> {
  return until('a checkpoint', async () => {
    const { shards } = await client.listShards()
    const open = shards.at(-1)
    const { size } = await client.getLog()
    return Number(open?.checkpoint?.size ?? 0) >= Number(size) ? open?.keys[0] : undefined
  })
}

async function read(server: Server, path: string, key = server.operatorKey): Promise<number> {
  const headers = { authorization: `Bearer ${key}` }
  const response = await fetch(`${server.url}${path}`, { headers })
  await response.arrayBuffer()
  return response.status
}

/** Seven years later: the clock of a database cannot be moved, so the newest entry is made older. */
async function age(): Promise<void> {
  await database.query('ALTER TABLE airworthy.entries_1 DISABLE TRIGGER ALL')
  await database.query(`UPDATE airworthy.entries SET entry = convert_to(
    regexp_replace(convert_from(entry, 'UTF8'), '"at":"\\d{4}', '"at":"2010'), 'UTF8')
    WHERE log_id = 1 AND seq = (SELECT max(seq) FROM airworthy.entries WHERE log_id = 1)`)
}

async function accessesOf(server: Server): Promise<number> {
  const { accesses } = await server.client.listAccesses({ limit: 1_000 })
  return accesses.filter(({ operation }) => operation === 'serve-log').length
}

test('a shard past its time is deleted, and what is left proves and says it', async () => {
  const server = await startServer({ databaseUrl, dataDir })
  owner.defer(() => server.kill())
  const { client } = server
  const agent = await enrol({ server, upstream, tools })
  await using session = await agent.open()
  const callId = (await session.post(chat())).headers.get('airworthy-call') ?? ''
  await openKey(server)
  await client.rotateLog()
  const [closed] = await until('the next shard', async () => {
    const { shards } = await client.listShards()
    return shards[1]?.checkpoint != null && shards
  })
  const size = Number(closed?.size)

  // Both shards can be read, by their ids.
  const old = await client.listEntries({ log: '1', limit: 1_000 })
  assert.equal(old.entries.length, size)
  assert.match((await airworthy(server, 'log', 'entries')).stdout, /"type":"log\.opened"/)
  const check = await airworthy(server, 'log', 'check', '--log', '1')
  assert.equal(check.exitCode, 0, check.stderr)
  assert.match(check.stdout, new RegExp(`entries +${size}\n`))
  assert.partialDeepStrictEqual(await client.getLog({ log: '1' }), { gaps: 0, brokenLinks: 0 })
  await assert.rejects(client.listEntries({ log: '7' }), { code: 'request.not_found' })

  // Who reads bundles is in the log, once a minute; who reads hashes is not.
  const reader = await client.addOperator({ name: 'a reader', role: 'auditor' })
  const tile = `/log/${closed?.name}/tile/0/000.p/${size}`
  assert.equal(await read(server, tile, reader.key), 200)
  assert.equal(await accessesOf(server), 0)
  const bundle = `/log/${closed?.name}/tile/entries/000.p/${size}`
  for (let turn = 0; turn < 3; turn += 1) {
    assert.equal(await read(server, bundle, reader.key), 200)
  }
  assert.equal(await accessesOf(server), 1)

  const ask = ['audit', 'retention', 'delete-shard', '1', '--reason', 'past its time']
  const early = await airworthy(server, ...ask)
  assert.notEqual(early.exitCode, 0)
  assert.match(early.stderr, /log\.shard_kept/)
  const shown = await airworthy(server, 'audit', 'retention', 'show')
  assert.match(shown.stdout, /kept: not past its time/)
  await age()
  for (const role of ['auditor', 'operator'] as const) {
    const { key } = await client.addOperator({ name: `a ${role}`, role })
    const other = createClient({ baseUrl: server.url, key })
    await assert.rejects(other.deleteShard({ log: '1', reason: 'x' }), { code: 'auth.forbidden' })
  }
  const { shards: due } = await client.getRetention()
  assert.deepEqual([due[0]?.keptBy, due[1]?.keptBy], [null, 'open'])
  const hold = await client.placeLegalHold({ reason: 'a case' })
  const held = await client.deleteShard({ log: '1', reason: 'x' }).catch((error: unknown) => error)
  assert(held instanceof AirworthyApiError)
  assert.partialDeepStrictEqual(held.detail, { keptBy: 'legal_hold', legalHolds: [hold.id] })
  await client.releaseLegalHold(hold.id)

  const deleted = await airworthy(server, ...ask)
  assert.equal(deleted.exitCode, 0, deleted.stderr)
  assert.match(deleted.stdout, /deleted .*announced by entry 2:\d+/)
  const key = await openKey(server)
  const verified = await airworthy(server, 'audit', 'verify', '--key', key)
  assert.equal(verified.exitCode, 0, verified.stdout + verified.stderr)
  const said =
    /proven +shard \d{4} \(log 1\): deleted on .*, final checkpoint kept, announced by entry 2:\d+/
  assert.match(verified.stdout, said)

  const gone = { code: 'log.shard_deleted', status: 410 }
  await assert.rejects(client.listEntries({ log: '1' }), gone)
  await assert.rejects(client.getLog({ log: '1' }), gone)
  await assert.rejects(client.getReceipt(callId), gone)
  await assert.rejects(client.deleteShard({ log: '1', reason: 'again' }), gone)
  const old1 = await airworthy(server, 'audit', 'verify', '--log', '1', '--key', key)
  assert.match(old1.stderr, /log\.shard_deleted/)
  assert.equal(await read(server, `/log/${closed?.name}/checkpoint`), 200)
  assert.equal(await read(server, `/log/${closed?.name}/tile/0/000`), 404)
  const files = await readdir(join(dataDir, 'log', closed?.name ?? ''))
  assert.deepEqual(files.toSorted(), ['checkpoint', 'signed'])
  const { shards: after1 } = await client.listShards()
  assert.equal(after1[0]?.checkpoint?.note, closed?.checkpoint?.note)
  // A call of the deleted shard is still found, with its open metadata.
  assert.equal((await client.getCall(callId)).id, callId)
  assert.equal(await server.terminate(), 0)
})

test('a restart after a deletion, and one in the middle of a rotation, finds a log that goes on', async () => {
  const again = await startServer({ databaseUrl, dataDir })
  await openKey(again)
  await again.kill()
  // Died between the last entry of a shard and the first of the next.
  await database.query('UPDATE airworthy.logs SET is_open = false, closed_at = now() WHERE is_open')
  await using third = await startServer({ databaseUrl, dataDir })
  const { shards } = await third.client.listShards()
  assert.deepEqual(
    shards.map(({ isOpen }) => isOpen),
    [false, false, true],
  )
  const verified = await airworthy(third, 'audit', 'verify', '--key', await openKey(third))
  assert.equal(verified.exitCode, 0, verified.stdout)
})
