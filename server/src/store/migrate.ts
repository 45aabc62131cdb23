// Brings the schema `airworthy` to this release: numbered SQL files, forward only.

import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Client, DatabaseError } from 'pg'
import { AirworthyError } from '../core/errors.ts'

export type MigrationResult = {
  /** Names of the files applied now, in order. */
  readonly applied: readonly string[]
  /** How many had been applied before. */
  readonly already: number
}

type MigrateOptions = {
  readonly url: string
  /** Holds NNNN-name.sql; each file creates objects in the schema `airworthy`, by qualified names. */
  readonly directory: string
}

type Migration = { number: number; name: string; checksum: string; sql: string }
type AppliedMigration = { number: number; name: string; checksum: string }

const connectMsMax = 10_000
const lockMsMax = 60_000
/** "airw" in ASCII: other programs on the same server must not choose it by accident. */
const advisoryLock = 0x61697277
const versionMin = 150_000

/**
 * Applies what is missing, each file in one transaction, one migrator at a time. Throws
 * database.unreachable, database.too_old, database.foreign_schema (nothing is changed then) or
 * database.migration_failed (the files before the failing one stay applied).
 */
export async function migrate(options: MigrateOptions): Promise<MigrationResult> {
  const migrations = await readMigrations(options.directory)
  const client = await connect(options.url)
  try {
    const { rows } = await client.query<{ version: number; text: string }>(
      `select current_setting('server_version_num')::int as version,
              current_setting('server_version') as text`,
    )
    const [server] = rows
    checkVersion(server?.version ?? 0, server?.text ?? 'unknown')
    await lock(client)
    return await applyMissing(client, migrations)
  } catch (thrown) {
    throw asDatabaseError(thrown)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Throws database.too_old below 15. `version` is PostgreSQL's server_version_num. */
export function checkVersion(version: number, text: string): void {
  if (version >= versionMin) return
  throw new AirworthyError(
    'database.too_old',
    `PostgreSQL ${text} is too old: Airworthy needs 15 or later. ` +
      'Upgrade it, or leave DATABASE_URL out to use the embedded one.',
    { detail: { version } },
  )
}

/** The files of a directory in order. Throws database.migration_failed when one is misnamed. */
export async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql'))
  const migrations = await Promise.all(
    names.toSorted().map(async (file) => {
      const match = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file)
      if (match === null) throw failed(`${file} is not named NNNN-name.sql`)
      const sql = await readFile(join(directory, file), 'utf8')
      const checksum = createHash('sha256').update(sql).digest('hex')
      return { number: Number(match[1]), name: file.slice(0, -'.sql'.length), checksum, sql }
    }),
  )
  const twice = migrations.find((one, index) => migrations[index - 1]?.number === one.number)
  if (twice !== undefined) throw failed(`two migrations have the number ${twice.number}`)
  return migrations
}

async function connect(url: string): Promise<Client> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: connectMsMax,
    application_name: 'airworthy-migrate',
  })
  // A connection lost later is reported here too; the query that waits for it throws anyway.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (thrown) {
    await client.end().catch(() => undefined)
    throw unreachable(thrown, url)
  }
}

/** A session lock, because each migration is a transaction of its own. */
async function lock(client: Client): Promise<void> {
  await client.query(`set lock_timeout = ${lockMsMax}`)
  await client.query('select pg_advisory_lock($1)', [advisoryLock])
}

async function applyMissing(client: Client, migrations: Migration[]): Promise<MigrationResult> {
  const before = await readApplied(client)
  checkHistory(before, migrations)
  if (before === undefined) await createHistory(client)
  const done = new Set((before ?? []).map((one) => one.number))
  const missing = migrations.filter((one) => !done.has(one.number))
  for (const migration of missing) await apply(client, migration)
  return { applied: missing.map((one) => one.name), already: done.size }
}

/** Undefined when the schema does not exist yet. */
async function readApplied(client: Client): Promise<AppliedMigration[] | undefined> {
  const { rows } = await client.query<{ schema: string | null; history: string | null }>(
    `select to_regnamespace('airworthy')::text as schema,
            to_regclass('airworthy.migrations')::text as history`,
  )
  const [found] = rows
  if (found === undefined || found.schema === null) return undefined
  if (found.history === null) {
    throw foreign('its schema "airworthy" was not made by this program')
  }
  const applied = await client.query<AppliedMigration>(
    'select number, name, checksum from airworthy.migrations order by number',
  )
  return applied.rows
}

function checkHistory(applied: AppliedMigration[] | undefined, known: Migration[]): void {
  const byNumber = new Map(known.map((migration) => [migration.number, migration]))
  for (const one of applied ?? []) {
    const migration = byNumber.get(one.number)
    if (migration === undefined || migration.name !== one.name) {
      throw foreign(`it has the migration ${one.name}, which this release does not know`)
    }
    if (migration.checksum !== one.checksum) {
      throw failed(`${one.name}.sql was edited after it had been applied; add a new file instead`)
    }
  }
  const last = applied?.at(-1)?.number ?? 0
  const done = new Set(applied?.map((one) => one.number))
  const late = known.find((migration) => migration.number < last && !done.has(migration.number))
  if (late !== undefined) {
    throw failed(`${late.name}.sql comes before migration ${last}, which is already applied`)
  }
}

async function createHistory(client: Client): Promise<void> {
  await inTransaction(client, async () => {
    await client.query('create schema airworthy')
    await client.query(`
      create table airworthy.migrations (
        number integer primary key,
        name text not null,
        checksum text not null,
        applied_at timestamptz not null default now()
      )`)
  })
}

async function apply(client: Client, migration: Migration): Promise<void> {
  const { number, name, checksum, sql } = migration
  try {
    await inTransaction(client, async () => {
      await client.query(sql)
      await client.query(
        'insert into airworthy.migrations (number, name, checksum) values ($1, $2, $3)',
        [number, name, checksum],
      )
    })
  } catch (thrown) {
    const said = thrown instanceof Error ? thrown.message : String(thrown)
    throw failed(`${name}.sql could not be applied: ${said}`, thrown)
  }
}

async function inTransaction(client: Client, work: () => Promise<void>): Promise<void> {
  await client.query('begin')
  try {
    await work()
    await client.query('commit')
  } catch (thrown) {
    await client.query('rollback').catch(() => undefined)
    throw thrown
  }
}

function failed(reason: string, cause?: unknown): AirworthyError {
  return new AirworthyError('database.migration_failed', `Migration failed: ${reason}.`, { cause })
}

function foreign(reason: string): AirworthyError {
  return new AirworthyError(
    'database.foreign_schema',
    `This database is not ours to change: ${reason}. Use another database in DATABASE_URL, ` +
      'or the release of Airworthy that made it.',
  )
}

/** Names host and port, never the password or the whole URL. */
function unreachable(cause: unknown, url: string): AirworthyError {
  const { hostname, port, pathname } = URL.canParse(url) ? new URL(url) : new URL('postgres://?')
  const said = cause instanceof Error ? cause.message : String(cause)
  return new AirworthyError(
    'database.unreachable',
    `PostgreSQL at ${hostname}:${port === '' ? '5432' : port}${pathname} cannot be reached ` +
      `(${said === '' ? 'connection refused' : said}). Check DATABASE_URL and that it is running.`,
    { cause },
  )
}

function asDatabaseError(thrown: unknown): unknown {
  if (thrown instanceof AirworthyError) return thrown
  if (!(thrown instanceof DatabaseError)) {
    return new AirworthyError(
      'database.unreachable',
      'The connection to PostgreSQL was lost during the migration. Start again when it is back.',
      { cause: thrown },
    )
  }
  const lockNotAvailable = '55P03'
  if (thrown.code === lockNotAvailable) {
    return failed(`another migration has been running for ${lockMsMax / 1000} seconds`, thrown)
  }
  return failed(`PostgreSQL refused: ${thrown.message}`, thrown)
}
