// A recovery key: made and used on the operator's machine, and never sent anywhere.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { multikeyOf, parseSpki } from '../core/identity/public-key.ts'
import { UsageError } from './failure.ts'
import { readTextFile } from './text-file.ts'

export type RecoveryKey = {
  readonly multikey: string
  readonly sign: (input: Buffer) => Promise<Buffer>
}

/** Makes one in a new file (PKCS#8 PEM) that only its owner can read. */
export async function makeRecoveryKey(path: string): Promise<RecoveryKey> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' })
  await writeFile(path, pem, { mode: 0o600, flag: 'wx', flush: true }).catch((cause: unknown) => {
    throw new UsageError(`${path} cannot be made; does it exist?`, { cause })
  })
  return recoveryKeyOf(privateKey)
}

export async function readRecoveryKey(path: string): Promise<RecoveryKey> {
  const pem = await readTextFile(path)
  try {
    return recoveryKeyOf(createPrivateKey(pem))
  } catch (cause) {
    throw new UsageError(`${path} holds no Ed25519 private key in PEM`, { cause })
  }
}

function recoveryKeyOf(privateKey: KeyObject): RecoveryKey {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const multikey = multikeyOf(parseSpki(spki))
  return { multikey, sign: async (input) => sign(null, input, privateKey) }
}
