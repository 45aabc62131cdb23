// A database of its own for each test, on the PostgreSQL that `npm test` started.

import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Client } from 'pg'
import { migrate, readMigrations } from '../src/store/migrate.ts'

export type TestDatabase = { readonly url: string; drop(): Promise<void> } & AsyncDisposable

export const migrationsDirectory = join(import.meta.dirname, '..', 'migrations')

/** "test" in ASCII. */
const advisoryLock = 0x74657374

/** A new database, with our schema unless told otherwise. Drop it, or bind it with `await using`. */
export async function createTestDatabase(
  options: { migrated?: boolean } = {},
): Promise<TestDatabase> {
  const server = testServerUrl()
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const { migrated = true } = options
  await onServer(server, async (client) => {
    const template = migrated ? await ensureTemplate(client, server) : 'template1'
    await client.query(`create database ${name} template ${template}`)
  })
  const drop = () =>
    onServer(server, async (client) => {
      await client.query(`drop database if exists ${name} with (force)`)
    })
  return { url: withDatabase(server, name), drop, [Symbol.asyncDispose]: drop }
}

/** The superuser's URL of the test server. Throws when the tests were not started by `npm test`. */
export function testServerUrl(): string {
  const url = process.env['AIRWORTHY_TEST_DATABASE_URL']
  if (url !== undefined && url !== '') return url
  throw new Error('AIRWORTHY_TEST_DATABASE_URL is not set: run the tests with "npm test [filter]"')
}

/**
 * Migrates once for each state of the migrations; other processes wait for it. The name is given
 * when it is whole, so a killed run leaves no half-migrated template behind.
 */
async function ensureTemplate(client: Client, server: string): Promise<string> {
  const name = await templateName()
  await client.query('select pg_advisory_lock($1)', [advisoryLock])
  try {
    const found = await client.query('select from pg_database where datname = $1', [name])
    if (found.rowCount !== 0) return name
    const unfinished = `${name}_unfinished`
    await client.query(`drop database if exists ${unfinished} with (force)`)
    await client.query(`create database ${unfinished} template template1`)
    await migrate({ url: withDatabase(server, unfinished), directory: migrationsDirectory })
    await client.query(`alter database ${unfinished} rename to ${name}`)
    return name
  } finally {
    await client.query('select pg_advisory_unlock($1)', [advisoryLock])
  }
}

async function templateName(): Promise<string> {
  const hash = createHash('sha256')
  for (const { name, checksum } of await readMigrations(migrationsDirectory)) {
    hash.update(`${name}\0${checksum}\0`)
  }
  return `template_${hash.digest('hex').slice(0, 24)}`
}

async function onServer(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}
