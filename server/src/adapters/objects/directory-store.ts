// Objects as files of a directory: what a static web server could serve as it is.
import { hash } from 'node:crypto'
import { mkdir, open, opendir, readFile, rename, rm, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { AirworthyError } from '../../core/errors.ts'
import {
  isObjectPath,
  objectBytesMax,
  type ObjectStore,
  type Removal,
  storedOtherwise,
} from './object-store.ts'

let drafts = 0

const lockFile = '.lock'
const lockWaitMs = 10_000
const lockAskMs = 5

/** Opens the store, making the directory when needed. Several processes may write to it. */
export async function openDirectoryStore(root: string): Promise<ObjectStore> {
  await mkdir(root, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw storageError(root, cause)
  })
  const read: ObjectStore['read'] = async (path) => {
    const bytes = await readOptional(fileOf(root, path))
    return bytes === undefined ? undefined : { bytes, version: versionOf(bytes) }
  }
  return {
    name: root,
    read,
    write: async (path, bytes, { isFinal }) => {
      const file = fileOf(root, path)
      const found = isFinal ? await readOptional(file) : undefined
      if (found === undefined) await writeDurably(file, bytes)
      else if (found.equals(bytes)) await syncDirectory(dirname(file))
      else throw storedOtherwise(file)
    },
    replace: async (path, bytes, expected) => {
      using _ = await lockDirectory(root)
      if ((await read(path))?.version !== expected) return false
      await writeDurably(fileOf(root, path), bytes)
      return true
    },
    remove: async (path) => {
      const file = fileOf(root, path)
      await rm(file, { recursive: true, force: true }).catch((cause: unknown) => {
        throw storageError(file, cause)
      })
    },
    removeBelow: (path, { limit }) => removeBelow(fileOf(root, path), limit),
    [Symbol.asyncDispose]: async () => undefined,
  }
}

/**
 * Writes a file whole: under another name, to the disk, then renamed, and the directory to the disk.
 * A crash leaves the old file or the new one. Throws `log.storage`.
 */
export async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const directory = dirname(file)
  drafts += 1
  const draft = `${file}.${process.pid}-${drafts}.new`
  try {
    const made = await mkdir(directory, { recursive: true, mode: 0o700 })
    await writeAndSync(draft, bytes)
    await rename(draft, file)
    await syncDirectory(directory)
    // A directory that was just made is not durable before the one that names it is.
    if (made !== undefined) await syncDirectory(dirname(made))
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw storageError(file, cause)
  }
}

/**
 * Compare and swap among processes: SQLite's lock on a file of its own is the kernel's, and is freed
 * when the process dies. Waits at most ten seconds; throws `log.storage`.
 */
async function lockDirectory(root: string): Promise<Disposable> {
  const deadline = performance.now() + lockWaitMs
  for (;;) {
    const database = new DatabaseSync(join(root, lockFile))
    try {
      database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
      return { [Symbol.dispose]: () => database.close() }
    } catch (cause) {
      database.close()
      if (performance.now() > deadline) throw storageError(join(root, lockFile), cause)
    }
    await new Promise((resolve) => setTimeout(resolve, lockAskMs))
  }
}

async function removeBelow(directory: string, limit: number): Promise<Removal> {
  const count = { removed: 0 }
  try {
    const isDone = !(await isThere(directory)) || (await removeFiles(directory, { limit, count }))
    // Done is what stays done when the machine dies.
    if (isDone && (await isThere(dirname(directory)))) await syncDirectory(dirname(directory))
    return { removed: count.removed, isDone, refusal: undefined }
  } catch (cause) {
    const code = codeOf(cause)
    // Another process removes the same: whoever comes again finds what is left.
    const isRaced = code === 'ENOENT' || code === 'ENOTEMPTY'
    if (isRaced) return { removed: count.removed, isDone: false, refusal: undefined }
    const isKept = code === 'EPERM' || code === 'EACCES' || code === 'EROFS'
    if (!isKept) throw storageError(directory, cause)
    return { removed: count.removed, isDone: false, refusal: `${code} in ${directory}` }
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}

/** Depth first. True when the directory itself is gone. */
async function removeFiles(
  directory: string,
  bound: { readonly limit: number; readonly count: { removed: number } },
): Promise<boolean> {
  const { limit, count } = bound
  let isEmpty = true
  for await (const found of await opendir(directory)) {
    if (count.removed >= limit) return false
    const path = join(directory, found.name)
    if (found.isDirectory()) isEmpty = (await removeFiles(path, bound)) && isEmpty
    else {
      await unlink(path)
      count.removed += 1
    }
  }
  if (isEmpty) await rmdir(directory)
  return isEmpty
}

async function writeAndSync(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(bytes)
    await file.datasync()
  } finally {
    await file.close()
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** The file's bytes; undefined where there is none. Throws `log.storage`. */
export async function readOptional(file: string): Promise<Buffer | undefined> {
  try {
    const bytes = await readFile(file)
    if (bytes.length > objectBytesMax) throw new RangeError(`${bytes.length} bytes`)
    return bytes
  } catch (cause) {
    const code = codeOf(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw storageError(file, cause)
  }
}

function fileOf(root: string, path: string): string {
  if (!isObjectPath(path)) throw new RangeError(`not the path of an object: ${path}`)
  return join(root, path)
}

function versionOf(bytes: Buffer): string {
  return hash('sha256', bytes, 'hex')
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
}

function storageError(file: string, cause: unknown): AirworthyError {
  const code = codeOf(cause)
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? 'the disk is full' : String(code ?? cause)
  return new AirworthyError('log.storage', `${file} cannot be read or written: ${why}`, { cause })
}
