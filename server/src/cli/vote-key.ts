// The key that an operator signs votes with. It is made and kept on the operator's own machine.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import type { RequestSigner } from '@airworthy/sdk'
import { readClientConfig } from '../config.ts'
import { parseSpki, thumbprintOf } from '../core/identity/public-key.ts'
import type { GlobalOptions } from './connection.ts'
import { UsageError } from './failure.ts'

export type VoteKey = RequestSigner & {
  /** 32 bytes, base64url. */
  readonly publicKey: string
}

/** Beside the file of the API key: a person who has several of those has a vote key for each. */
export function voteKeyFile(globals: GlobalOptions, named: string | undefined): string {
  if (named !== undefined) return named
  const { keyFile } = readClientConfig(undefined, {
    url: globals.url,
    keyFile: globals.keyFile,
    dataDir: globals.data,
  })
  return `${keyFile}.vote`
}

/** Makes one in a new file (PKCS#8 PEM) that only its owner can read. */
export async function makeVoteKey(path: string): Promise<VoteKey> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' })
  await writeFile(path, pem, { mode: 0o600, flag: 'wx', flush: true }).catch((cause: unknown) => {
    throw new UsageError(`${path} cannot be made; does it exist?`, { cause })
  })
  return voteKeyOf(privateKey)
}

/** Undefined where there is no such file. Throws UsageError for a file that others may read. */
export async function findVoteKey(path: string): Promise<VoteKey | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return undefined
  // Windows has no such bits, and tells 0o666 for every file.
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    throw new UsageError(`${path} can be read by others: chmod 600 it`)
  }
  try {
    return voteKeyOf(createPrivateKey(await readFile(path, 'utf8')))
  } catch (cause) {
    throw new UsageError(`${path} holds no Ed25519 private key in PEM`, { cause })
  }
}

/** Throws UsageError where there is none. */
export async function readVoteKey(path: string): Promise<VoteKey> {
  const key = await findVoteKey(path)
  if (key === undefined) throw new UsageError(`there is no key in ${path}`)
  return key
}

function voteKeyOf(privateKey: KeyObject): VoteKey {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const key = parseSpki(spki)
  if (key.algorithm !== 'ed25519') throw new UsageError('votes are signed with Ed25519')
  return {
    thumbprint: thumbprintOf(key),
    publicKey: key.bytes.toString('base64url'),
    sign: async (message) => sign(null, message, privateKey),
  }
}
