// What the drills of the log stand on: a database, a store and a data directory of their own, entries
// as commands append them, and a notebook of every checkpoint that was ever seen signed.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { leafHash } from '../../src/core/audit/entry.ts'
import type { OrganisationId } from '../../src/core/ids.ts'
import { parseCheckpoint } from '../../src/core/tlog/checkpoint.ts'
import { merkleRoot } from '../../src/core/tlog/tree.ts'
import { openDatabase, type Database } from '../../src/store/database.ts'
import { appendEntries } from '../../src/store/log/log.ts'
import { bootstrapOrganisation } from '../../src/store/organisations.ts'
import { createTestDatabase, testServerUrl } from '../database.ts'

const program = join(import.meta.dirname, 'integrate.ts')

export type Ending = {
  readonly signal: string | null
  /** The code of what ended it; empty when nothing did. */
  readonly code: string
  readonly size: number
  readonly failures: readonly string[]
}

export type DrillGround = {
  readonly databaseUrl: string
  readonly data: string
  readonly store: string
  /** Appends entries; each is acknowledged when this resolves. */
  readonly append: (count: number, databaseUrl?: string) => Promise<void>
  readonly integrate: (options?: Readonly<Record<string, string | true>>) => Promise<Ending>
  /** A copy of the database as it is now: a backup. */
  readonly copyDatabase: () => Promise<string>
  /** Reads every place where a checkpoint lies; throws where one size has two roots. */
  readonly look: () => Promise<Map<number, string>>
  /** That the last checkpoint is the tree of all entries of the database. */
  readonly checkWhole: () => Promise<number>
  readonly temporary: () => Promise<string>
} & AsyncDisposable

export async function standDrillGround(): Promise<DrillGround> {
  await using starting = new AsyncDisposableStack()
  const { url: databaseUrl } = starting.use(await createTestDatabase())
  const temporary = async (): Promise<string> => {
    const path = await mkdtemp(join(tmpdir(), 'airworthy-drill-'))
    standing.defer(() => rm(path, { recursive: true, force: true }))
    return path
  }
  const standing = starting.move()
  const data = await temporary()
  const store = await temporary()
  const seen = new Map<number, string>()
  const look = async (): Promise<Map<number, string>> => {
    for (const note of await findNotes({ databaseUrl, data, store })) {
      const { size, root } = parseCheckpoint(note)
      const before = seen.get(size)
      const now = root.toString('base64')
      assert(before === undefined || before === now, `two roots were signed for ${size} entries`)
      seen.set(size, now)
    }
    return seen
  }
  return {
    databaseUrl,
    data,
    store,
    append: (count, url = databaseUrl) => withDatabase(url, (...on) => append(on, count)),
    integrate: (options = {}) => run({ database: databaseUrl, data, store, ...options }),
    copyDatabase: async () => copyDatabase(databaseUrl, standing),
    look,
    checkWhole: () => checkWhole({ databaseUrl, seen, look }),
    temporary,
    [Symbol.asyncDispose]: () => standing.disposeAsync(),
  }
}

async function withDatabase<Result>(
  url: string,
  work: (db: Database, organisationId: OrganisationId) => Promise<Result>,
): Promise<Result> {
  const { db, close } = openDatabase({ url, poolMax: 2 })
  try {
    const { organisationId } = await bootstrapOrganisation(db)
    return await work(db, organisationId)
  } finally {
    await close()
  }
}

async function append([db, organisationId]: [Database, OrganisationId], count: number) {
  for (let left = count; left > 0; left -= 100) {
    const drafts = Array.from({ length: Math.min(left, 100) }, () => ({
      type: 'lease.unknown' as const,
      agentId: organisationId,
      body: { random: Math.random() },
    }))
    await db.transaction().execute((tx) => appendEntries(tx, organisationId, drafts))
  }
}

async function run(options: Readonly<Record<string, string | true>>): Promise<Ending> {
  const args = Object.entries(options).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, value],
  )
  const child = spawn(process.execPath, ['--conditions=airworthy-source', program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8')
  })
  await once(child, 'close')
  const { signalCode: signal } = child
  if (output === '') return { signal, code: '', size: 0, failures: [] }
  const { code, size, failures } = JSON.parse(output)
  return { signal, code, size, failures }
}

async function findNotes(where: {
  databaseUrl: string
  data: string
  store: string
}): Promise<Buffer[]> {
  const notes: Buffer[] = []
  const shards = await readdir(where.store).catch(() => [])
  const files = [
    join(where.data, 'last-signed', '1.checkpoint'),
    ...shards.flatMap((shard) => [
      join(where.store, shard, 'signed'),
      join(where.store, shard, 'checkpoint'),
    ]),
  ]
  for (const file of files) {
    const bytes = await readFile(file).catch(() => undefined)
    if (bytes !== undefined) notes.push(bytes)
  }
  await withClient(where.databaseUrl, async (client) => {
    const { rows } = await client.query<{ note: string }>('SELECT note FROM airworthy.checkpoints')
    notes.push(...rows.map((row) => Buffer.from(row.note)))
  })
  return notes
}

async function checkWhole(of: {
  databaseUrl: string
  seen: Map<number, string>
  look: () => Promise<Map<number, string>>
}): Promise<number> {
  await of.look()
  const hashes: Buffer[] = []
  await withClient(of.databaseUrl, async (client) => {
    const { rows } = await client.query<{ entry: Buffer }>(
      'SELECT entry FROM airworthy.entries WHERE log_id = 1 ORDER BY seq',
    )
    hashes.push(...rows.map((row) => leafHash(row.entry)))
  })
  for (const [size, root] of of.seen) {
    // Every checkpoint that was ever signed is one of the log as it is now.
    assert.equal(merkleRoot(hashes.slice(0, size)).toString('base64'), root, `of ${size} entries`)
  }
  assert(of.seen.has(hashes.length), `no checkpoint has all ${hashes.length} entries`)
  return hashes.length
}

async function copyDatabase(of: string, owner: AsyncDisposableStack): Promise<string> {
  const name = `${new URL(of).pathname.slice(1)}_backup`
  await withClient(testServerUrl(), async (client) => {
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${new URL(of).pathname.slice(1)}`)
  })
  owner.defer(() =>
    withClient(testServerUrl(), async (client) => {
      await client.query(`DROP DATABASE ${name} WITH (FORCE)`)
    }),
  )
  const url = new URL(of)
  url.pathname = `/${name}`
  return url.href
}

async function withClient(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
