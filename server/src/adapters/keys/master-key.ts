// The key that wraps the subjects' keys. It lies beside the data, never in the database: a stolen
// dump of the database opens no payload.
import { randomBytes } from 'node:crypto'
import { link, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AirworthyError } from '../../core/errors.ts'

const keyBytes = 32

/**
 * Gives the master key: the configured one (base64 of 32 bytes), else `<dataDir>/master.key`, made
 * on the first start with mode 0600. Replicas on one database must be given the same key.
 */
export async function loadMasterKey(options: {
  dataDir: string
  configured: string | undefined
}): Promise<Buffer> {
  if (options.configured !== undefined) return parseKey(options.configured, 'AIRWORTHY_MASTER_KEY')
  const path = join(options.dataDir, 'master.key')
  const found = await readFile(path, 'utf8').catch(ignoreMissing)
  if (found !== undefined) return parseKey(found.trim(), path)
  // Written whole under another name, then linked: a second process never reads half a key, and
  // of two that start at once one wins and the other reads.
  const draft = `${path}.${process.pid}`
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(`${randomBytes(keyBytes).toString('base64')}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await link(draft, path).catch(ignoreExisting)
  await rm(draft, { force: true })
  return parseKey((await readFile(path, 'utf8')).trim(), path)
}

function parseKey(text: string, source: string): Buffer {
  const key = Buffer.from(text, 'base64')
  if (key.length === keyBytes) return key
  throw new AirworthyError('start.master_key', `${source} must hold 32 bytes in base64`)
}

function ignoreMissing(error: unknown): undefined {
  if (isCode(error, 'ENOENT')) return undefined
  throw error
}

function ignoreExisting(error: unknown): void {
  if (!isCode(error, 'EEXIST')) throw error
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
