// The cluster on disk: PostgreSQL's own directory, its password, and making both once.

import { randomBytes } from 'node:crypto'
import { chown, mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AirworthyError } from '../../core/errors.ts'
import type { Account } from './account.ts'
import { diskFull, writePrivateFile } from './data-directory.ts'
import type { NativePrograms } from './native.ts'
import { runToEnd } from './process.ts'

export const superuser = 'airworthy'
const majorVersion = '18'
const unfinished = 'postgres.unfinished-'

/** Written into postgresql.conf once; an operator may change them there. */
const settings = {
  shared_buffers: '128MB',
  max_connections: '60',
  fsync: 'on',
  full_page_writes: 'on',
  wal_compression: 'off',
  jit: 'off',
  log_checkpoints: 'off',
  // Details repeat the values of a row: those may be personal, and the log is not encrypted.
  log_error_verbosity: 'terse',
}

export type Cluster = { readonly directory: string; readonly password: string }

export function clusterDirectoryOf(dataDir: string): string {
  return join(dataDir, 'postgres')
}

/**
 * Opens the cluster, or makes it: under another name first, renamed when it is whole, so that an
 * initdb that was killed in the middle leaves nothing that looks like a cluster.
 */
export async function openCluster(options: {
  dataDir: string
  programs: NativePrograms
  account: Account
  onProgress: (message: string) => void
}): Promise<Cluster> {
  const directory = clusterDirectoryOf(options.dataDir)
  await removeUnfinished(options.dataDir)
  const version = await versionOf(directory)
  if (version === undefined) {
    options.onProgress('Preparing the embedded PostgreSQL (once)')
    await initialise({ ...options, directory })
  } else if (version !== majorVersion) {
    throw new AirworthyError(
      'database.embedded_failed',
      `${directory} was made by PostgreSQL ${version}, and this is ${majorVersion}. ` +
        'Use the release of Airworthy that made it, or set AIRWORTHY_DATA to a new directory.',
    )
  }
  return { directory, password: await readPassword(options.dataDir) }
}

async function removeUnfinished(dataDir: string): Promise<void> {
  const names = (await readdir(dataDir)).filter((name) => name.startsWith(unfinished))
  for (const name of names) {
    // Retries, because an initdb whose server was killed may still be writing there.
    await rm(join(dataDir, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  }
}

/** Undefined when there is no cluster; throws when something else is in its place. */
async function versionOf(directory: string): Promise<string | undefined> {
  const names = await readdir(directory).catch((thrown: unknown) => {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined
    throw thrown
  })
  if (names === undefined) return undefined
  if (names.includes('PG_VERSION')) {
    return (await readFile(join(directory, 'PG_VERSION'), 'utf8')).trim()
  }
  throw new AirworthyError(
    'database.embedded_failed',
    `${directory} exists, but holds no PostgreSQL database. Move it away and start again.`,
  )
}

async function initialise(options: {
  dataDir: string
  directory: string
  programs: NativePrograms
  account: Account
}): Promise<void> {
  const { dataDir, programs, account } = options
  const temporary = join(dataDir, `${unfinished}${process.pid}`)
  const password = randomBytes(24).toString('base64url')
  // Stored before the cluster: a cluster whose password nobody knows would be lost.
  await writePrivateFile(passwordFileOf(dataDir), password)
  await mkdir(temporary, { mode: 0o700 })
  // PostgreSQL's account cannot read our password file, and a pipe of root's neither.
  const handedOver = `${temporary}.password`
  await writeFile(handedOver, password, { mode: 0o600 })
  if (account.owner !== undefined) {
    await chown(temporary, account.owner.uid, account.owner.gid)
    await chown(handedOver, account.owner.uid, account.owner.gid)
  }
  const { exitCode, output } = await runToEnd(
    [...account.prefix, programs.initdb, ...initdbArguments(temporary, handedOver)],
    { cwd: dataDir },
  )
  await rm(handedOver, { force: true })
  if (exitCode !== 0) {
    await rm(temporary, { recursive: true, force: true })
    throw startFailure({ dataDir, output, doing: 'be initialised' })
  }
  await rename(temporary, options.directory)
  await syncDirectory(dataDir)
}

function initdbArguments(directory: string, passwordFile: string): string[] {
  return [
    `--pgdata=${directory}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
}

/** Without it the rename may be lost in a power cut, and the cluster be taken for unfinished. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function passwordFileOf(dataDir: string): string {
  return join(dataDir, 'postgres.password')
}

async function readPassword(dataDir: string): Promise<string> {
  const path = passwordFileOf(dataDir)
  const password = (await readFile(path, 'utf8').catch(() => '')).trim()
  if (password !== '') return password
  throw new AirworthyError(
    'database.embedded_failed',
    `${path} is missing, so nobody can log in to the embedded PostgreSQL. Restore the file, ` +
      'or set AIRWORTHY_DATA to a new directory.',
  )
}

/** PostgreSQL's words, and what it says instead when a write was cut short by the full disk. */
const fullDisk = /No space left on device|Disk quota exceeded|wrote only \d+ of \d+ bytes/

/** The error for what initdb or postgres printed before it gave up. */
export function startFailure(failure: {
  dataDir: string
  output: string
  doing: string
}): AirworthyError {
  const { dataDir, output, doing } = failure
  if (fullDisk.test(output)) return diskFull(dataDir)
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  const said = lines.findLast((line) => /FATAL|PANIC|error|setpriv/i.test(line)) ?? lines.at(-1)
  // Root in a container that lacks the rights of root: PostgreSQL's account cannot get at its files.
  const isRefused = /Permission denied|setpriv:/.test(output)
  const mend = isRefused
    ? 'Run Airworthy as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.'
    : `Its log is ${join(dataDir, 'postgres.log')}.`
  return new AirworthyError(
    'database.embedded_failed',
    `The embedded PostgreSQL could not ${doing}: ${said ?? 'it said nothing'}. ${mend}`,
    { detail: { output: lines.slice(-20).join('\n') } },
  )
}
