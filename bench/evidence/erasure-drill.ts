// Erasing a person from a running server: every proof that was given out before still verifies, and
// somebody with the database, its files, the master key and a backup opens nothing of that person.
import { createDecipheriv, randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AirworthyApiError, type Client, verifyBundle, webCrypto } from '@airworthy/sdk'
import { Client as Database } from 'pg'
import { agentClients, chat } from '../../e2e/harness/clients.ts'
import { startFakeTools, toolText } from '../../e2e/harness/fake-tools.ts'
import { startFakeUpstream } from '../../e2e/harness/fake-upstream.ts'
import { manifestText } from '../../e2e/harness/manifest.ts'
import { startServer } from '../../e2e/harness/server.ts'
import { runCli } from '../../server/test/cli/run-cli.ts'
import { readPostgres } from '../../examples/replay/services.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const callsEach = 4
const doneWithinMs = 120_000

type Row = Readonly<Record<string, Buffer>>
/** What lies in tables that hold secrets: a backup, or the database as it is. */
type Copy = { readonly keys: readonly Row[]; readonly payloads: readonly Row[] }

export async function run({ log }: EvidenceOptions): Promise<Figures> {
  await using opened = new AsyncDisposableStack()
  const upstream = opened.use(await startFakeUpstream())
  const tools = opened.use(await startFakeTools())
  const server = opened.use(await startServer({ databaseUrl: undefined }))
  const { client } = server
  const { url: databaseUrl } = await readPostgres(server.dataDir)
  const database = new Database({ connectionString: databaseUrl })
  await database.connect()
  opened.defer(() => database.end())
  const manifest = manifestText({
    name: 'desk',
    modelBaseUrl: upstream.base('echo', 'desk'),
    toolsUrl: tools.url,
  })
  const { apiKey } = await client.enrolAgent({ manifest, file: 'desk.json' })
  const agent = { url: server.url, apiKey: apiKey ?? '' }
  const gone = { name: `Ms Gone ${randomUUID()}`, marker: `secret-${randomUUID()}` }
  const stays = { name: `Mr Stays ${randomUUID()}`, marker: `secret-${randomUUID()}` }
  log('two people are served')
  const goneCalls = await serve({ client, agent, person: gone, tools })
  const staysCalls = await serve({ client, agent, person: stays, tools })
  const masterKey = await readMasterKey(server.dataDir)

  await published(client)
  const proofs = await proofsOf(client, [...goneCalls, ...staysCalls])
  const bundleBefore = await exported(client)
  const backup = await copySecrets(database)
  const openedBefore = openAll(masterKey, backup)

  const hold = await client.placeLegalHold({ subject: gone.name, reason: 'a case' })
  const isHeld = await isRefused(client, gone.name, 'erasure.legal_hold')
  await client.releaseLegalHold(hold.id)
  const isInUse = await isRefused(client, gone.name, 'erasure.in_use')
  log('the erasure is asked for')
  const { id } = await client.requestErasure({
    subject: gone.name,
    reason: 'asked to be forgotten',
    closeSessions: true,
  })
  const atOnce = await client.readPayload(goneCalls[0] ?? '')
  const erasure = await waitUntilDone(client, id)
  const after = await copySecrets(database)
  const openedAfter = openAll(masterKey, after)
  // The guide's backup leaves the keys out; whoever restores it has the keys of today.
  const openedFromBackup = openAll(masterKey, { keys: after.keys, payloads: backup.payloads })
  // A backup with keys in it is opened by the master key: the guide says how long it may live.
  const openedFromFullBackup = openAll(masterKey, backup)
  const inTables = await findInTables(database, [gone.name, gone.marker])
  await database.query('CHECKPOINT')
  const destroyed = backup.keys.filter(
    (key) =>
      !after.keys.some((one) => one['wrapped_key']?.equals(key['wrapped_key'] ?? Buffer.of())),
  )
  const needles = [
    Buffer.from(gone.marker),
    Buffer.from(gone.name),
    ...destroyed.map((key) => key['wrapped_key'] ?? Buffer.of()),
  ]
  log('the files are searched')
  const inFiles = await findInFiles(server.dataDir, needles)

  log('what was given out before is verified again')
  await published(client)
  const bundleAfter = await exported(client)
  const keys = (await client.listShards()).shards.flatMap((shard) => shard.keys.slice(0, 1))
  const beforeHolds = await isProven(bundleBefore, keys)
  const afterHolds = await isProven(bundleAfter, keys)
  const directory = await mkdtemp(join(tmpdir(), 'airworthy-erasure-'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const accepted = await countAccepted(directory, proofs, keys)
  const check = await client.getLog()
  const again = await serve({ client, agent, person: gone, tools })
  const servedAgain = await client.readPayload(again[0] ?? '')
  const stillThere = await client.readPayload(staysCalls[0] ?? '')

  const walFiles = inFiles.filter((path) => path.includes('pg_wal'))
  const otherFiles = inFiles.filter((path) => !path.includes('pg_wal'))
  const checks: [string, boolean][] = [
    [
      'both were readable before',
      Math.min(has(openedBefore, gone.marker), has(openedBefore, stays.marker)) >= callsEach,
    ],
    ['a legal hold refuses', isHeld],
    ['an open session refuses', isInUse],
    ['unreadable at once', atOnce.text === null],
    ['the erasure came to its end', erasure.state === 'done' && erasure.keys >= 1],
    ['nothing is opened from the database', has(openedAfter, gone.marker) === 0],
    ['nothing is opened from the backup without keys', has(openedFromBackup, gone.marker) === 0],
    ['that backup still opens the others', has(openedFromBackup, stays.marker) >= callsEach],
    ['no payload of the person is left', after.payloads.length < backup.payloads.length],
    ['no table and no index names the person', inTables.length === 0],
    [
      'no file but the write-ahead log has a destroyed key, a name or a text',
      otherFiles.length === 0,
    ],
    ['the bundle from before still verifies', beforeHolds],
    ['a new bundle verifies, with both entries', afterHolds],
    ['every proof file of before still verifies', proofs.length > 0 && accepted === proofs.length],
    ['the log has no gap', check.gaps + check.agentGaps + check.brokenLinks === 0],
    ['the other person is untouched', stillThere.text?.includes(stays.marker) === true],
    ['the erased person can be served again', servedAgain.text?.includes(gone.marker) === true],
  ]
  return {
    payloadsBefore: backup.payloads.length,
    payloadsAfter: after.payloads.length,
    keysDestroyed: erasure.keys,
    openedBefore: has(openedBefore, gone.marker),
    openedAfter: has(openedAfter, gone.marker),
    openedFromBackupWithoutKeys: has(openedFromBackup, gone.marker),
    openedFromBackupWithKeysAndMasterKey: has(openedFromFullBackup, gone.marker),
    tablesWithTraces: inTables,
    filesWithTraces: otherFiles,
    writeAheadLogFilesWithTraces: walFiles.length,
    proofsBefore: proofs.length,
    proofsAcceptedAfter: accepted,
    unmet: checks.filter(([, isMet]) => !isMet).map(([name]) => name),
    holds: checks.every(([, isMet]) => isMet),
  }
}

/** How many of the texts hold the marker. */
function has(texts: readonly string[], marker: string): number {
  return texts.filter((text) => text.includes(marker)).length
}

async function serve(given: {
  readonly client: Client
  readonly agent: { readonly url: string; readonly apiKey: string }
  readonly person: { readonly name: string; readonly marker: string }
  readonly tools: Awaited<ReturnType<typeof startFakeTools>>
}): Promise<string[]> {
  const { client, agent, person, tools } = given
  const { session, sessionKey } = await client.openSession({
    agent: 'desk',
    endUser: person.name,
    task: `help ${person.name}`,
  })
  await using clients = agentClients({ ...agent, sessionKey, server: 'desk' })
  tools.direct(session.id, 'find_customer', () => toolText({ name: person.marker }))
  const calls: string[] = []
  for (let call = 0; call < callsEach; call += 1) {
    const body = chat({ messages: [{ role: 'user', content: `I am ${person.marker} ${call}` }] })
    const reply = await clients.post(body)
    calls.push(reply.headers.get('airworthy-call') ?? '')
  }
  await clients.call('find_customer', { email: `${person.marker}@example.com` })
  return calls
}

async function readMasterKey(dataDir: string): Promise<Buffer> {
  return Buffer.from((await readFile(join(dataDir, 'master.key'), 'utf8')).trim(), 'base64')
}

async function copySecrets(database: Database): Promise<Copy> {
  const keys = await database.query<Row>(
    'SELECT subject_id, wrapped_key FROM airworthy.subject_keys',
  )
  const payloads = await database.query<Row>('SELECT subject_id, sealed FROM airworthy.payloads')
  return { keys: keys.rows, payloads: payloads.rows }
}

/** As anybody would who has these bytes: AES-256-GCM over a salt of 32 bytes and the text. */
function unseal(key: Buffer, sealed: Buffer): Buffer | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
    decipher.setAuthTag(sealed.subarray(-16))
    const text = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()])
    return text.subarray(32)
  } catch {
    return undefined
  }
}

/** Every key that opens is tried on every payload, not only on those of its own subject. */
function openAll(masterKey: Buffer, copy: Copy): string[] {
  const keys = copy.keys.flatMap(
    (row) => unseal(masterKey, row['wrapped_key'] ?? Buffer.of()) ?? [],
  )
  return copy.payloads.flatMap((row) => {
    for (const key of keys) {
      const text = unseal(key, row['sealed'] ?? Buffer.of())
      if (text !== undefined) return [text.toString()]
    }
    return []
  })
}

async function isRefused(client: Client, subject: string, code: string): Promise<boolean> {
  try {
    await client.requestErasure({ subject, reason: 'asked to be forgotten' })
    return false
  } catch (thrown) {
    return thrown instanceof AirworthyApiError && thrown.code === code
  }
}

async function waitUntilDone(client: Client, id: string) {
  const until = performance.now() + doneWithinMs
  for (;;) {
    const erasure = await client.getErasure(id)
    if (erasure.state === 'done' || performance.now() > until) return erasure
    await sleep(500)
  }
}

/** Columns of tables, and the tables' indexes by way of the files. */
async function findInTables(database: Database, texts: readonly string[]): Promise<string[]> {
  const columns = await database.query<{ table_name: string; column_name: string; type: string }>(
    `SELECT c.table_name, c.column_name, c.data_type AS type FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'airworthy' AND t.table_type = 'BASE TABLE'`,
  )
  const found: string[] = []
  for (const { table_name: table, column_name: column, type } of columns.rows) {
    const text = type === 'bytea' ? `encode("${column}", 'escape')` : `"${column}"::text`
    for (const needle of texts) {
      const hits = await database.query(
        `SELECT 1 FROM airworthy."${table}" WHERE position($1 IN ${text}) > 0 LIMIT 1`,
        [needle],
      )
      if (hits.rows.length > 0) found.push(`${table}.${column}`)
    }
  }
  return found
}

async function findInFiles(directory: string, needles: readonly Buffer[]): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const found: string[] = []
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    // A file of PostgreSQL may go away meanwhile.
    const bytes = await readFile(path).catch(() => Buffer.of())
    if (needles.some((needle) => bytes.includes(needle)))
      found.push(path.slice(directory.length + 1))
  }
  return found
}

async function published(client: Client): Promise<void> {
  const { size } = await client.getLog()
  const until = performance.now() + doneWithinMs
  for (;;) {
    const { shards } = await client.listShards()
    if (Number(shards.at(-1)?.checkpoint?.size ?? 0) >= Number(size)) return
    if (performance.now() > until) throw new Error('no checkpoint covers the log')
    await sleep(200)
  }
}

async function exported(client: Client): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(await client.exportLog()))
}

async function isProven(bundle: Buffer, keys: readonly string[]): Promise<boolean> {
  const chunks = (async function* () {
    yield bundle
  })()
  const report = await verifyBundle({ chunks, crypto: webCrypto(), trust: { keys } })
  return report.isProven
}

type Proof = { readonly entry: string; readonly proof: string }

/** The entries of these calls, each with its proof file. */
async function proofsOf(client: Client, calls: readonly string[]): Promise<Proof[]> {
  const proofs: Proof[] = []
  for (const call of calls) {
    const { intent, outcome } = await client.getReceipt(call)
    for (const one of [intent, outcome]) {
      if (one?.proof) proofs.push({ entry: one.entry, proof: one.proof })
    }
  }
  return proofs
}

/** How many of the proof files `airworthy audit verify` accepts, on a machine that has only them. */
async function countAccepted(
  directory: string,
  proofs: readonly Proof[],
  keys: readonly string[],
): Promise<number> {
  const files = { entry: join(directory, 'an.entry'), proof: join(directory, 'a.tlog-proof') }
  const trusted = keys.flatMap((key) => ['--key', key])
  let accepted = 0
  for (const { entry, proof } of proofs) {
    await writeFile(files.entry, entry)
    await writeFile(files.proof, proof)
    const args = ['audit', 'verify', files.proof, '--entry', files.entry, ...trusted]
    const { exitCode } = await runCli(args, { cwd: directory })
    if (exitCode === 0) accepted += 1
  }
  return accepted
}
