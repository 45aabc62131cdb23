// Rotation, witnesses, calls that wait for a checkpoint, and a restored backup: with whole servers.
import assert from 'node:assert/strict'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Client as Database } from 'pg'
import { createTestDatabase, testServerUrl } from '../server/test/database.ts'
import { leafHash } from '../server/src/core/audit/entry.ts'
import { parseBundle } from '../server/src/core/tlog/bundle.ts'
import { parsePolicy } from '../server/src/core/tlog/policy.ts'
import { verifyProofFile } from '../server/src/core/tlog/proof-file.ts'
import { chat } from './harness/clients.ts'
import { enrol, startGround } from './harness/ground.ts'
import { failToStart, type Server, startServer, temporaryDirectory } from './harness/server.ts'
import { until } from './harness/until.ts'

const ground = await startGround()
after(() => ground[Symbol.asyncDispose]())

async function keyOf(server: Server): Promise<string> {
  return until('the first checkpoint', async () => {
    const [shard] = (await server.client.listShards()).shards
    return shard?.checkpoint == null ? undefined : shard.keys[0]
  })
}

test('a log is rotated while calls go on: none fails, and each has its proof', async () => {
  const { server, upstream, tools } = ground
  const agent = await enrol({ server, upstream, tools })
  await using session = await agent.open()
  await keyOf(server)
  const callIds: string[] = []
  let isRotated = false
  const calling = Array.from({ length: 4 }, async () => {
    for (let since = 0; since < 3; since += isRotated ? 1 : 0) {
      const reply = await session.post(chat())
      assert.equal(reply.status, 200, reply.text)
      callIds.push(reply.headers.get('airworthy-call') ?? '')
    }
  })
  await until('calls to go on', () => callIds.length > 8)
  const closed = await server.client.rotateLog()
  assert.equal(closed.isOpen, false)
  const shards = await until('the next shard to be signed', async () => {
    const found = (await server.client.listShards()).shards
    return found.length === 2 && found[1]?.checkpoint != null && found
  })
  isRotated = true
  await Promise.all(calling)
  const [first, second] = shards
  assert.equal(first?.checkpoint?.size, first?.size)
  const width = Math.min(Number(second?.checkpoint?.size), 256)
  const path = width === 256 ? '000' : `000.p/${width}`
  const bundle = await fetch(`${server.url}/log/${second?.name}/tile/entries/${path}`, {
    headers: { authorization: `Bearer ${server.operatorKey}` },
  })
  const [leaf] = parseBundle(Buffer.from(await bundle.arrayBuffer()), width)
  const opened = JSON.parse(leaf?.toString() ?? '')
  assert.equal(opened.type, 'log.opened')
  // The final checkpoint as it was signed, but for the cosignatures, which would not fit.
  assert(first?.checkpoint?.note.startsWith(opened.body.previous))
  for (const callId of callIds) {
    const receipt = await until('the proof', async () => {
      const found = await server.client.getReceipt(callId)
      return found.outcome?.proof != null && found.intent?.proof != null && found
    })
    for (const entry of [receipt.intent, receipt.outcome]) {
      const shard = shards.find(({ logId }) => logId === entry?.logId)
      const policy = parsePolicy(Buffer.from(`log ${shard?.keys[0]}\nquorum none\n`))
      const file = Buffer.from(entry?.proof ?? '')
      const verdict = verifyProofFile({
        file,
        leaf: leafHash(Buffer.from(entry?.entry ?? '')),
        policy,
      })
      assert.equal(verdict.kind, 'accepted', JSON.stringify(verdict))
    }
  }
})

test('a call that waits for a witnessed checkpoint goes out when there is one, else not at all', async () => {
  await using owner = new AsyncDisposableStack()
  const { upstream, tools } = ground
  const files = await temporaryDirectory(owner)
  const ours = { database: owner.use(await createTestDatabase()), dataDir: join(files, 'ours') }
  const theirs = owner.use(await createTestDatabase())
  await mkdir(ours.dataDir)
  const start = (env: Record<string, string>): Promise<Server> =>
    startServer({ databaseUrl: ours.database.url, dataDir: ours.dataDir, env })
  const first = await start({})
  const logKey = await keyOf(first)
  assert.equal(await first.terminate(), 0)
  const witnessed = join(files, 'witnessed')
  await writeFile(witnessed, `log ${logKey}\nquorum none\n`)
  const witness = owner.use(
    await startServer({ databaseUrl: theirs.url, env: { AIRWORTHY_WITNESSED_LOGS: witnessed } }),
  )
  const { witnessKey } = await witness.client.listShards()
  const policyText = `log ${logKey}\nwitness w ${witnessKey} ${witness.url}/witness\nquorum w\n`
  await writeFile(join(files, 'policy'), policyText)
  const server = owner.use(await start({ AIRWORTHY_LOG_POLICY: join(files, 'policy') }))
  const agent = await enrol(
    { server, upstream, tools },
    { tools: { 'desk/notify': { effect: 'irreversible', waitFor: 'checkpoint' } } },
  )
  await using session = await agent.open()
  const sent = await session.call('notify', { note: 'one' })
  assert.equal(sent.isError, false, JSON.stringify(sent))
  const callId = String(sent.meta['airworthy/call'])
  const receipt = await until('the witnessed proof', async () => {
    const found = await server.client.getReceipt(callId)
    return found.outcome?.proof != null && found
  })
  const verdict = verifyProofFile({
    file: Buffer.from(receipt.outcome?.proof ?? ''),
    leaf: leafHash(Buffer.from(receipt.outcome?.entry ?? '')),
    policy: parsePolicy(Buffer.from(policyText)),
  })
  assert.equal(verdict.kind, 'accepted', JSON.stringify(verdict))
  // Whoever has seen a size of a log cosigns no shorter one, and none of a log it does not know.
  const checkpoint = verdict.kind === 'accepted' ? verdict.checkpoint : undefined
  const post = (body: string): Promise<Response> =>
    fetch(`${witness.url}/witness/add-checkpoint`, { method: 'POST', body })
  const note = receipt.outcome?.proof?.slice(receipt.outcome.proof.indexOf('\n\n') + 2) ?? ''
  const stale = await post(`old 0\n\n${note}`)
  assert.equal(stale.status, 409)
  assert.equal(stale.headers.get('content-type'), 'text/x.tlog.size')
  assert(Number(await stale.text()) >= (checkpoint?.size ?? Infinity))
  assert.equal((await post(`old 0\n\n${note.replace(/^[^\n]+/, 'other')}`)).status, 404)
  assert.equal((await post(`old 0\n\n${note.replace(/\n\d+\n/, '\n1\n')}`)).status, 403)
  assert.equal((await post('nonsense')).status, 400)
  await witness.terminate()
  const before = tools.journal.length
  const held = await session.call('notify', { note: 'two' })
  assert.equal(held.isError, true)
  assert.match(JSON.stringify(held.value), /log\.not_published/)
  assert.equal(tools.journal.length, before)
})

test('a server on a restored backup does not start, and says what to do', async () => {
  await using owner = new AsyncDisposableStack()
  const database = owner.use(await createTestDatabase())
  const dataDir = join(await temporaryDirectory(owner), 'data')
  await mkdir(dataDir)
  const first = await startServer({ databaseUrl: database.url, dataDir })
  await keyOf(first)
  await first.terminate()
  const name = `${new URL(database.url).pathname.slice(1)}_backup`
  await using admin = await connect(testServerUrl())
  await admin.client.query(
    `CREATE DATABASE ${name} TEMPLATE ${new URL(database.url).pathname.slice(1)}`,
  )
  owner.defer(async () => {
    await using again = await connect(testServerUrl())
    await again.client.query(`DROP DATABASE ${name} WITH (FORCE)`)
  })
  const second = await startServer({ databaseUrl: database.url, dataDir })
  const size = Number((await second.client.listShards()).shards[0]?.size)
  await second.client.addOperator({ name: 'one', role: 'launcher' })
  await until('the entry to be signed', async () => {
    const [shard] = (await second.client.listShards()).shards
    return Number(shard?.checkpoint?.size) > size
  })
  await second.terminate()
  const backup = new URL(database.url)
  backup.pathname = `/${name}`
  const printed = await failToStart({ databaseUrl: backup.href, dataDir })
  assert.match(printed, /log\.forked/)
  await cp(dataDir, `${dataDir}-kept`, { recursive: true })
  const again = await startServer({ databaseUrl: database.url, dataDir })
  assert.equal(await again.terminate(), 0)
})

async function connect(url: string): Promise<{ client: Database } & AsyncDisposable> {
  const client = new Database({ connectionString: url })
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}
