// The PostgreSQL that comes with Airworthy, for those who bring none. It belongs to one data
// directory and survives a server that is killed: the next one adopts it.

import { realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Client, DatabaseError } from 'pg'
import { AirworthyError } from '../../core/errors.ts'
import { accountFor } from './account.ts'
import type { Cluster } from './cluster.ts'
import { clusterDirectoryOf, openCluster, superuser } from './cluster.ts'
import {
  asDirectoryError,
  diskFull,
  lockDataDirectory,
  writePrivateFile,
} from './data-directory.ts'
import { keepLogBounded } from './log-file.ts'
import { findNativePrograms } from './native.ts'
import type { Postmaster } from './postmaster.ts'
import { findSurvivor, startPostmaster, stopPostmaster } from './postmaster.ts'

export type EmbeddedPostgres = {
  /** Of the database `airworthy`, with the superuser's password. */
  readonly url: string
  /** True when it was already running, because the last server was killed. */
  readonly adopted: boolean
  readonly pid: number
  /** Disconnects everyone, stops PostgreSQL and frees the data directory. May be called twice. */
  stop(): Promise<void>
} & AsyncDisposable

type EmbeddedPostgresOptions = {
  readonly dataDir: string
  readonly onProgress?: (message: string) => void
}

const databaseName = 'airworthy'
const connectMsMax = 10_000

/**
 * Starts or adopts the PostgreSQL of the data directory and holds the directory's lock until it is
 * stopped. Throws start.already_running, start.directory_unwritable, start.disk_full or
 * database.embedded_failed.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const lock = await lockDataDirectory(options.dataDir)
  try {
    const dataDir = await realpath(options.dataDir)
    const { postmaster, cluster, adopted } = await findOrStart({ ...options, dataDir })
    const url = urlOf({ cluster, port: postmaster.port, database: databaseName })
    await serveDatabase({ cluster, postmaster, adopted })
    const fileForTools = join(dataDir, 'postgres.json')
    await writePrivateFile(fileForTools, `${JSON.stringify({ url, pid: postmaster.pid })}\n`)
    const boundedLog = await keepLogBounded(dataDir)
    const stopAll = async () => {
      boundedLog[Symbol.dispose]()
      await stopPostmaster(postmaster.pid)
      await rm(fileForTools, { force: true })
      lock.release()
    }
    let stopping: Promise<void> | undefined
    const stop = () => (stopping ??= stopAll())
    return { url, adopted, pid: postmaster.pid, stop, [Symbol.asyncDispose]: stop }
  } catch (thrown) {
    lock.release()
    throw asDirectoryError(thrown, options.dataDir)
  }
}

type Found = { postmaster: Postmaster; cluster: Cluster; adopted: boolean }

async function findOrStart(options: EmbeddedPostgresOptions): Promise<Found> {
  const { dataDir, onProgress = () => undefined } = options
  const programs = await findNativePrograms()
  const clusterDir = clusterDirectoryOf(dataDir)
  const account = await accountFor(clusterDir, programs.postgres)
  const cluster = await openCluster({ dataDir, programs, account, onProgress })
  const survivor = await findSurvivor(clusterDir)
  if (survivor !== undefined) {
    onProgress(`Adopting the PostgreSQL that the last server left (process ${survivor.pid})`)
    return { postmaster: survivor, cluster, adopted: true }
  }
  onProgress('Starting PostgreSQL')
  const { postgres } = programs
  const postmaster = await startPostmaster({ dataDir, clusterDir, postgres, account, onProgress })
  return { postmaster, cluster, adopted: false }
}

function urlOf(options: { cluster: Cluster; port: number; database: string }): string {
  const { cluster, port, database } = options
  return `postgres://${superuser}:${cluster.password}@127.0.0.1:${port}/${database}`
}

/** Checks that we can log in to this very cluster, and makes our database when it is not there. */
async function serveDatabase(found: Found): Promise<void> {
  const { cluster, postmaster, adopted } = found
  const connectionString = urlOf({ cluster, port: postmaster.port, database: 'postgres' })
  const client = new Client({ connectionString, connectionTimeoutMillis: connectMsMax })
  // The client reports a lost connection a second time here; without a listener that is fatal.
  client.on('error', () => undefined)
  try {
    await client.connect()
    await checkDirectory(client, cluster.directory)
    await createDatabase(client)
  } catch (thrown) {
    if (!adopted) await stopPostmaster(postmaster.pid)
    if (thrown instanceof AirworthyError) throw thrown
    if (isDiskFull(thrown)) throw diskFull(cluster.directory, thrown)
    throw new AirworthyError(
      'database.embedded_failed',
      `The embedded PostgreSQL (process ${postmaster.pid}) runs but refuses our login. ` +
        `Stop it (kill -INT ${postmaster.pid}) and start again.`,
      { cause: thrown },
    )
  } finally {
    await client.end()
  }
}

async function checkDirectory(client: Client, directory: string): Promise<void> {
  const { rows } = await client.query<{ directory: string }>(
    "select current_setting('data_directory') as directory",
  )
  if (rows[0]?.directory === directory) return
  throw new AirworthyError(
    'database.embedded_failed',
    `The PostgreSQL that runs in ${directory} was started under another path. ` +
      'Stop the server that uses it, or move the data directory back.',
  )
}

async function createDatabase(client: Client): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [
    databaseName,
  ])
  if (rowCount === 0) await client.query(`create database ${databaseName}`)
}

function isDiskFull(thrown: unknown): boolean {
  return thrown instanceof DatabaseError && thrown.code === '53100'
}
