import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { createTestDatabase } from '../../test/database.ts'
import { checkVersion, migrate } from './migrate.ts'

const folder = await mkdtemp(join(tmpdir(), 'airworthy-migrate-'))
after(() => rm(folder, { recursive: true, force: true }))

async function directoryOf(files: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(join(folder, 'migrations-'))
  for (const [name, sql] of Object.entries(files)) await writeFile(join(directory, name), sql)
  return directory
}

async function query<Row>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const one = { '0001-one.sql': 'create table airworthy.one (id int)' }
const two = { ...one, '0002-two.sql': 'create table airworthy.two (id int)' }

test('applies what is missing, in order, and the same again changes nothing', async () => {
  await using database = await createTestDatabase({ migrated: false })
  const { url } = database
  const first = await migrate({ url, directory: await directoryOf(one) })
  assert.deepEqual(first, { applied: ['0001-one'], already: 0 })
  const second = await migrate({ url, directory: await directoryOf(two) })
  assert.deepEqual(second, { applied: ['0002-two'], already: 1 })
  const third = await migrate({ url, directory: await directoryOf(two) })
  assert.deepEqual(third, { applied: [], already: 2 })
})

test('applies each file once when eight start together', async () => {
  await using database = await createTestDatabase({ migrated: false })
  const { url } = database
  const directory = await directoryOf(two)
  const results = await Promise.all(Array.from({ length: 8 }, () => migrate({ url, directory })))
  assert.equal(results.flatMap((result) => result.applied).length, 2)
})

test('keeps nothing of a file that fails, and keeps those before it', async () => {
  await using database = await createTestDatabase({ migrated: false })
  const { url } = database
  const broken = { ...one, '0002-two.sql': 'create table airworthy.two (id int); select 1/0' }
  await assert.rejects(migrate({ url, directory: await directoryOf(broken) }), {
    code: 'database.migration_failed',
    message: /0002-two\.sql.*division by zero/,
  })
  assert.deepEqual(await query(url, "select to_regclass('airworthy.two') as two"), [{ two: null }])
  const mended = await migrate({ url, directory: await directoryOf(two) })
  assert.deepEqual(mended, { applied: ['0002-two'], already: 1 })
})

test('refuses a migration that was edited, and one that comes too late', async () => {
  await using database = await createTestDatabase({ migrated: false })
  const { url } = database
  await migrate({ url, directory: await directoryOf(two) })
  const edited = { ...two, '0001-one.sql': 'create table airworthy.other (id int)' }
  const late = { ...two, '0000-zero.sql': 'select 1' }
  for (const files of [edited, late]) {
    await assert.rejects(migrate({ url, directory: await directoryOf(files) }), {
      code: 'database.migration_failed',
    })
  }
})

test('refuses a schema of something else, and changes nothing', async () => {
  await using database = await createTestDatabase({ migrated: false })
  const { url } = database
  await query(url, 'create schema airworthy; create table airworthy.planes (id int)')
  await assert.rejects(migrate({ url, directory: await directoryOf(one) }), {
    code: 'database.foreign_schema',
  })
  const tables = await query(url, "select tablename from pg_tables where schemaname = 'airworthy'")
  assert.deepEqual(tables, [{ tablename: 'planes' }])
})

test('refuses the schema of a later release', async () => {
  await using database = await createTestDatabase({ migrated: false })
  const { url } = database
  await migrate({ url, directory: await directoryOf(two) })
  await assert.rejects(migrate({ url, directory: await directoryOf(one) }), {
    code: 'database.foreign_schema',
    message: /0002-two/,
  })
})

test('refuses a PostgreSQL older than 15', () => {
  assert.throws(() => checkVersion(140_022, '14.22'), { code: 'database.too_old' })
  assert.doesNotThrow(() => checkVersion(150_000, '15.0'))
})

test('says where it could not connect, and never the password', async () => {
  const url = 'postgres://someone:secret@127.0.0.1:1/nothing'
  await assert.rejects(migrate({ url, directory: await directoryOf(one) }), (thrown) => {
    assert.ok(thrown instanceof Error && 'code' in thrown)
    assert.equal(thrown.code, 'database.unreachable')
    assert.match(thrown.message, /127\.0\.0\.1:1\/nothing/)
    assert.doesNotMatch(thrown.message, /secret/)
    return true
  })
})
