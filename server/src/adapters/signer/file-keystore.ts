// A keystore in one file. Each private key is sealed with AES-256-GCM under a key that comes from a
// passphrase (scrypt), or from the master key of this install. The file is its owner's alone. Several
// processes may share it: changes wait for each other, and a key that another made is found.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, scrypt } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import {
  makePrivateKey,
  parseAlgorithm,
  publicHalf,
  rawPublicKey,
  readPrivateKey,
  signWith,
} from './key-pair.ts'
import { withFileLock } from './file-lock.ts'
import {
  assertKeyName,
  type Signer,
  signerFailed,
  type SigningAlgorithm,
  type SigningKey,
} from './signer.ts'

export type KeystoreSecret =
  | { readonly kind: 'passphrase'; readonly passphrase: string }
  | { readonly kind: 'master-key'; readonly masterKey: Buffer }

const fileBytesMax = 16 * 1024 * 1024
const keysMax = 10_000
const nonceBytes = 12
const tagBytes = 16
const saltBytes = 32
/** 128 MiB and about half a second: once at the start, for who has the file and guesses. */
const scryptCost = { N: 2 ** 17, r: 8, p: 1 } as const
/** Nobody makes this file harder to open than this: it would be a way to stop the server. */
const scryptCostMax = 2 ** 20

const fileSchema = z.strictObject({
  version: z.literal(1),
  protection: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('passphrase'),
      kdf: z.literal('scrypt'),
      N: z
        .int()
        .min(2 ** 14)
        .max(scryptCostMax),
      r: z.literal(8),
      p: z.literal(1),
      salt: z.base64(),
    }),
    z.strictObject({ kind: z.literal('master-key'), salt: z.base64() }),
  ]),
  keys: z.record(
    z.string(),
    z.strictObject({ algorithm: z.string(), publicKey: z.base64(), sealed: z.base64() }),
  ),
})

type Protection = z.infer<typeof fileSchema>['protection']
type HeldKey = SigningKey & { readonly privateKey: KeyObject; readonly sealed: Buffer }

export class FileKeystore implements Signer {
  readonly #path: string
  readonly #protection: Protection
  readonly #sealingKey: Buffer
  readonly #keys: Map<string, HeldKey>
  /** Changes of the file wait for each other. */
  #changing: Promise<unknown> = Promise.resolve()

  private constructor(
    path: string,
    opened: { protection: Protection; sealingKey: Buffer; keys: Map<string, HeldKey> },
  ) {
    this.#path = path
    this.#protection = opened.protection
    this.#sealingKey = opened.sealingKey
    this.#keys = opened.keys
  }

  /**
   * Opens the keystore, or makes an empty one. Throws `identity.keystore` when others may
   * read the file, when the secret is not the one it was made with, or when it was altered.
   */
  static async open(options: { path: string; secret: KeystoreSecret }): Promise<FileKeystore> {
    const { path, secret } = options
    if ((await readPrivate(path)) === undefined) {
      await withFileLock(path, async () => {
        if ((await readPrivate(path)) !== undefined) return
        await writeDurably(path, fileText(newProtection(secret), []))
      })
    }
    const { protection } = await readKeystore(path)
    const sealingKey = await deriveKey(protection, { secret, path })
    const keystore = new FileKeystore(path, { protection, sealingKey, keys: new Map() })
    await keystore.#reload()
    return keystore
  }

  async find(name: string): Promise<SigningKey | undefined> {
    assertKeyName(name)
    const held = await this.#find(name)
    return held === undefined ? undefined : shown(held)
  }

  async ensure(name: string, algorithm: SigningAlgorithm): Promise<SigningKey> {
    assertKeyName(name)
    const held =
      this.#keys.get(name) ??
      (await this.#change(async () => this.#keys.get(name) ?? (await this.#make(name, algorithm))))
    if (held.algorithm === algorithm) return shown(held)
    throw signerFailed(`the key ${name} is of ${held.algorithm}, and not of ${algorithm}`)
  }

  async sign(name: string, message: Uint8Array): Promise<Buffer> {
    assertKeyName(name)
    const held = await this.#find(name)
    if (held === undefined) throw signerFailed(`there is no key ${name} in the keystore`)
    return signWith(held.algorithm, held.privateKey, message)
  }

  async destroy(name: string): Promise<void> {
    assertKeyName(name)
    await this.#change(async () => {
      const keys = new Map(this.#keys)
      if (!keys.delete(name)) return
      await this.#write(keys)
      this.#keys.delete(name)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#changing.catch(() => undefined)
    this.#keys.clear()
    this.#sealingKey.fill(0)
  }

  /** A key that is not known here may have been made by another process in the meantime. */
  async #find(name: string): Promise<HeldKey | undefined> {
    if (!this.#keys.has(name)) await this.#reload()
    return this.#keys.get(name)
  }

  async #reload(): Promise<void> {
    const file = await readKeystore(this.#path)
    if (file.protection.salt !== this.#protection.salt) {
      throw keystoreError(`${this.#path} was put in the place of another; start again`)
    }
    for (const name of this.#keys.keys()) {
      if (!Object.hasOwn(file.keys, name)) this.#keys.delete(name)
    }
    for (const [name, row] of Object.entries(file.keys)) {
      if (this.#keys.get(name)?.sealed.toString('base64') === row.sealed) continue
      this.#keys.set(name, openKey({ name, row, sealingKey: this.#sealingKey, path: this.#path }))
    }
  }

  async #make(name: string, algorithm: SigningAlgorithm): Promise<HeldKey> {
    if (this.#keys.size >= keysMax) throw signerFailed(`the keystore has ${keysMax} keys`)
    const privateKey = makePrivateKey(algorithm)
    const publicKey = rawPublicKey(algorithm, publicHalf(privateKey))
    const held = {
      name,
      algorithm,
      publicKey,
      privateKey,
      sealed: seal(privateKey, { name, algorithm, publicKey, sealingKey: this.#sealingKey }),
    }
    // Durable before it is used: a key that is published and then lost could never be rotated.
    await this.#write(new Map([...this.#keys, [name, held]]))
    this.#keys.set(name, held)
    return held
  }

  async #write(keys: ReadonlyMap<string, HeldKey>): Promise<void> {
    await writeDurably(this.#path, fileText(this.#protection, [...keys.values()]))
  }

  #change<Result>(work: () => Promise<Result>): Promise<Result> {
    const changed = this.#changing
      .catch(() => undefined)
      .then(() =>
        withFileLock(this.#path, async () => {
          await this.#reload()
          return work()
        }),
      )
    this.#changing = changed
    return changed
  }
}

function shown({ name, algorithm, publicKey }: HeldKey): SigningKey {
  return { name, algorithm, publicKey }
}

function fileText(protection: Protection, keys: readonly HeldKey[]): string {
  const rows = keys.map(({ name, algorithm, publicKey, sealed }) => [
    name,
    { algorithm, publicKey: publicKey.toString('base64'), sealed: sealed.toString('base64') },
  ])
  const file = { version: 1, protection, keys: Object.fromEntries(rows) }
  return `${JSON.stringify(file, null, 2)}\n`
}

async function readKeystore(path: string): Promise<z.infer<typeof fileSchema>> {
  const text = await readPrivate(path)
  if (text === undefined) throw keystoreError(`${path} is gone`)
  return parseFile(text, path)
}

async function readPrivate(path: string): Promise<string | undefined> {
  const found = await stat(path).catch((thrown: unknown) => {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined
    throw thrown
  })
  if (found === undefined) return undefined
  if ((found.mode & 0o077) !== 0) {
    throw keystoreError(`others may read ${path}; make it yours alone (chmod 600)`)
  }
  if (found.size > fileBytesMax) throw keystoreError(`${path} is too large`)
  return readFile(path, 'utf8')
}

function parseFile(text: string, path: string): z.infer<typeof fileSchema> {
  try {
    return fileSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw keystoreError(`${path} is no keystore of this release`, cause)
  }
}

function newProtection(secret: KeystoreSecret): Protection {
  const salt = randomBytes(saltBytes).toString('base64')
  if (secret.kind === 'master-key') return { kind: 'master-key', salt }
  return { kind: 'passphrase', kdf: 'scrypt', ...scryptCost, salt }
}

async function deriveKey(
  protection: Protection,
  from: { readonly secret: KeystoreSecret; readonly path: string },
): Promise<Buffer> {
  const { secret, path } = from
  const salt = Buffer.from(protection.salt, 'base64')
  if (protection.kind === 'passphrase') {
    if (secret.kind === 'passphrase') return scryptKey(secret.passphrase, salt, protection.N)
    throw keystoreError(`${path} has a passphrase: set AIRWORTHY_KEYSTORE_PASSPHRASE`)
  }
  if (secret.kind === 'passphrase') {
    throw keystoreError(`${path} was made without a passphrase, and one is set`)
  }
  return Buffer.from(hkdfSync('sha256', secret.masterKey, salt, 'airworthy/keystore/v1', 32))
}

function scryptKey(passphrase: string, salt: Buffer, cost: number): Promise<Buffer> {
  const options = { N: cost, r: scryptCost.r, p: scryptCost.p, maxmem: 256 * cost * scryptCost.r }
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, 32, options, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

/** What a sealed key is bound to: nobody can swap two rows, or name another public key. */
function boundTo(key: { name: string; algorithm: string; publicKey: Buffer }): Buffer {
  return Buffer.from(`${key.name}\n${key.algorithm}\n${key.publicKey.toString('base64')}`)
}

function seal(
  privateKey: KeyObject,
  of: { name: string; algorithm: string; publicKey: Buffer; sealingKey: Buffer },
): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', of.sealingKey, nonce).setAAD(boundTo(of))
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' })
  const sealed = Buffer.concat([nonce, cipher.update(pkcs8), cipher.final(), cipher.getAuthTag()])
  pkcs8.fill(0)
  return sealed
}

function openKey(options: {
  name: string
  row: z.infer<typeof fileSchema>['keys'][string]
  sealingKey: Buffer
  path: string
}): HeldKey {
  const { name, row, sealingKey, path } = options
  const algorithm = parseAlgorithm(row.algorithm)
  if (algorithm === undefined) throw keystoreError(`${path}: ${name} is of an unknown algorithm`)
  const publicKey = Buffer.from(row.publicKey, 'base64')
  const sealed = Buffer.from(row.sealed, 'base64')
  try {
    const decipher = createDecipheriv('aes-256-gcm', sealingKey, sealed.subarray(0, nonceBytes))
    decipher.setAAD(boundTo({ name, algorithm, publicKey }))
    decipher.setAuthTag(sealed.subarray(-tagBytes))
    const pkcs8 = Buffer.concat([
      decipher.update(sealed.subarray(nonceBytes, -tagBytes)),
      decipher.final(),
    ])
    return { name, algorithm, publicKey, sealed, privateKey: readPrivateKey(pkcs8) }
  } catch (cause) {
    const message = `${path} does not open: the passphrase or master key is another, or it was altered`
    throw keystoreError(message, cause)
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}`
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function keystoreError(message: string, cause?: unknown): AirworthyError {
  return new AirworthyError('identity.keystore', message, { cause })
}
