// The data directory: private to its owner, and used by one server at a time.

import { mkdir, chmod, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { AirworthyError } from '../../core/errors.ts'

export type DirectoryLock = { release(): void } & Disposable

const lockFile = 'server.lock'
const pidFile = 'server.pid'

/**
 * Creates the directory when needed (0700) and takes its lock. Throws start.already_running,
 * start.directory_unwritable or start.disk_full.
 *
 * The lock is an exclusive SQLite transaction on an empty file, because that is the one way Node
 * offers to an fcntl lock: the kernel frees it when the process dies, however it dies.
 */
export async function lockDataDirectory(dataDir: string): Promise<DirectoryLock> {
  try {
    await makePrivate(dataDir)
    // Written by hand first: SQLite's own words for a full disk or a missing right say less.
    await writeFile(join(dataDir, lockFile), '', { flag: 'a', mode: 0o600 })
    const database = await lockFileOf(dataDir)
    await writePrivateFile(join(dataDir, pidFile), `${process.pid}\n`)
    const release = () => {
      if (database.isOpen) database.close()
    }
    return { release, [Symbol.dispose]: release }
  } catch (thrown) {
    throw asDirectoryError(thrown, dataDir)
  }
}

/** A directory that already holds something keeps its mode: it may be /tmp or a mounted volume. */
async function makePrivate(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const isEmpty = (await readdir(dataDir)).length === 0
  const isPrivate = ((await stat(dataDir)).mode & 0o077) === 0
  if (isEmpty && !isPrivate) await chmod(dataDir, 0o700)
}

async function lockFileOf(dataDir: string): Promise<DatabaseSync> {
  const database = new DatabaseSync(join(dataDir, lockFile))
  try {
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (thrown) {
    database.close()
    if (!isBusy(thrown)) throw thrown
    const pid = (await readFile(join(dataDir, pidFile), 'utf8').catch(() => '')).trim()
    throw new AirworthyError(
      'start.already_running',
      `Another server${pid === '' ? '' : ` (process ${pid})`} uses the data directory ${dataDir}. ` +
        'Stop it, or set AIRWORTHY_DATA to another directory.',
      { detail: { dataDir, pid: pid === '' ? null : Number(pid) } },
    )
  }
}

function isBusy(thrown: unknown): boolean {
  const sqliteBusy = 5
  return thrown instanceof Error && 'errcode' in thrown && thrown.errcode === sqliteBusy
}

/** Replaces the file whole, so that a reader or a crash never sees half of it. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`
  await writeFile(temporary, text, { mode: 0o600, flush: true })
  await rename(temporary, path)
}

/** Says in one line what to mend when the file system refused; other errors pass unchanged. */
export function asDirectoryError(thrown: unknown, dataDir: string): unknown {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(dataDir, thrown)
  const refusals = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT', 'EISDIR', 'ELOOP']
  if (typeof code === 'string' && refusals.includes(code)) {
    return new AirworthyError(
      'start.directory_unwritable',
      `The data directory ${dataDir} cannot be written (${code}). ` +
        'Make it a directory that you own, or set AIRWORTHY_DATA to another one.',
      { cause: thrown, detail: { dataDir } },
    )
  }
  return thrown
}

export function diskFull(dataDir: string, cause?: unknown): AirworthyError {
  return new AirworthyError(
    'start.disk_full',
    `The disk that holds ${dataDir} is full. ` +
      'Free some space, or set AIRWORTHY_DATA to a directory on another disk.',
    { cause, detail: { dataDir } },
  )
}
