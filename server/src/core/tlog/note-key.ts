// The public keys that sign notes, and their text form, the vkey: `<name>+<key id>+<base64>`.
import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { AirworthyError } from '../errors.ts'
import { assertSafeEd25519Key, ed25519PublicKey } from '../identity/ed25519.ts'
import { TlogError } from './fault.ts'
import { isKeyName } from './note.ts'
import { readBase64, writeBase64 } from './text.ts'

/** What a key signs and how: the note's text itself, or a cosignature of a checkpoint with a time. */
export type NoteKeyType = 'ed25519' | 'ed25519-cosignature' | 'ml-dsa-44-cosignature'

export type NoteKey = {
  readonly name: string
  readonly type: NoteKeyType
  /** The key id that C2SP recommends: four bytes of a hash over name, type and key. */
  readonly keyId: number
  /** 32 bytes of Ed25519, or 1,312 of ML-DSA-44. */
  readonly publicKey: Buffer
  readonly key: KeyObject
}

type KeyFormat = {
  /** The signature type identifier byte of the signed-note registry. */
  readonly identifier: number
  readonly publicKeyBytes: number
  readonly signatureBytes: number
}

export const noteKeyFormats: Readonly<Record<NoteKeyType, KeyFormat>> = {
  ed25519: { identifier: 0x01, publicKeyBytes: 32, signatureBytes: 64 },
  'ed25519-cosignature': { identifier: 0x04, publicKeyBytes: 32, signatureBytes: 8 + 64 },
  'ml-dsa-44-cosignature': { identifier: 0x06, publicKeyBytes: 1312, signatureBytes: 8 + 2420 },
}

const vkeyCharsMax = 4096
/** ML-DSA signs the length of a name in one byte. */
const nameBytesMax = 255

/** Checks the key and gives it its id. Throws `TlogError` `key_invalid` for one that is not safe. */
export function createNoteKey(options: {
  readonly name: string
  readonly type: NoteKeyType
  readonly publicKey: Uint8Array
}): NoteKey {
  const { name, type } = options
  const { identifier, publicKeyBytes } = noteKeyFormats[type]
  const publicKey = Buffer.from(options.publicKey)
  if (!isKeyName(name) || Buffer.byteLength(name) > nameBytesMax) {
    throw new TlogError('key_invalid', 'a key name is empty, too long, or has a space or a plus')
  }
  if (publicKey.length !== publicKeyBytes) {
    throw new TlogError('key_invalid', `a key of ${type} has ${publicKeyBytes} bytes`)
  }
  const key = type === 'ml-dsa-44-cosignature' ? mlDsaKey(publicKey) : safeEd25519Key(publicKey)
  const named = Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([identifier]), publicKey])
  return { name, type, keyId: hash('sha256', named, 'buffer').readUInt32BE(0), publicKey, key }
}

function safeEd25519Key(publicKey: Buffer): KeyObject {
  try {
    assertSafeEd25519Key(publicKey)
  } catch (error) {
    if (error instanceof AirworthyError) throw new TlogError('key_invalid', error.message)
    throw error
  }
  return ed25519PublicKey(publicKey)
}

/** SEQUENCE { SEQUENCE { OID 2.16.840.1.101.3.4.3.17 }, BIT STRING }, as it stands before a key. */
const mlDsaPrefix = Buffer.from('30820532300b06096086480165030403110382052100', 'hex')

/** A key for `node:crypto` of the 1,312 bytes of FIPS 204. Every such string is a key. */
export function mlDsaKey(publicKey: Uint8Array): KeyObject {
  if (publicKey.length !== noteKeyFormats['ml-dsa-44-cosignature'].publicKeyBytes) {
    throw new TlogError('key_invalid', 'a key of ML-DSA-44 has 1312 bytes')
  }
  const der = Buffer.concat([mlDsaPrefix, publicKey])
  return createPublicKey({ key: der, format: 'der', type: 'spki' })
}

/** Reads a vkey. Throws `TlogError` for an unknown type, a wrong id, a wrong length, an unsafe key. */
export function parseVkey(text: string): NoteKey {
  if (text.length > vkeyCharsMax) throw new TlogError('too_large', 'a vkey is too long')
  const [, name = '', id = '', encoded = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(text) ?? []
  const bytes = readBase64(encoded)
  const [identifier, ...rest] = bytes ?? []
  const type = noteKeyTypes.find((one) => noteKeyFormats[one].identifier === identifier)
  if (type === undefined) throw new TlogError('key_invalid', 'a vkey is of no known type')
  const key = createNoteKey({ name, type, publicKey: Uint8Array.from(rest) })
  if (formatKeyId(key) !== id)
    throw new TlogError('key_invalid', 'the id of a vkey is not its hash')
  return key
}

const noteKeyTypes: readonly NoteKeyType[] = [
  'ed25519',
  'ed25519-cosignature',
  'ml-dsa-44-cosignature',
]

export function formatVkey(key: NoteKey): string {
  const { identifier } = noteKeyFormats[key.type]
  const encoded = writeBase64(Buffer.concat([Buffer.from([identifier]), key.publicKey]))
  return `${key.name}+${formatKeyId(key)}+${encoded}`
}

/** Eight hexadecimal digits. */
export function formatKeyId({ keyId }: { readonly keyId: number }): string {
  return keyId.toString(16).padStart(8, '0')
}
