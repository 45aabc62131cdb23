// Signing and verifying notes and checkpoints: Ed25519 over the text (signed-note, type 0x01) and the
// cosignatures of tlog-cosignature (types 0x04 and 0x06), which say when they were made.
import { verify } from 'node:crypto'
import { verifyEd25519 } from '../identity/ed25519.ts'
import { type Checkpoint, formatCheckpointText, parseCheckpointText } from './checkpoint.ts'
import { malformed, TlogError } from './fault.ts'
import { formatNote, type Note, type NoteSignature } from './note.ts'
import { type NoteKey, noteKeyFormats } from './note-key.ts'

export type VerifiedSignature = {
  readonly key: NoteKey
  /** When a cosignature says it was made, Unix seconds. Absent for a signature over the text. */
  readonly atSeconds?: number
  /** As it stands in the note, to be kept or passed on. */
  readonly line: NoteSignature
}

export type NoteVerdict =
  | { readonly kind: 'verified'; readonly signatures: readonly VerifiedSignature[] }
  /** `none`: no signature of a known key. `bad`: one of a known key does not hold. */
  | { readonly kind: 'refused'; readonly reason: 'none' | 'bad'; readonly message: string }

/**
 * Looks for signatures of the keys, and verifies each that is there. One that does not hold refuses
 * the note, whatever the others say; unknown keys are ignored. Cosignatures hold for checkpoints only.
 */
export function verifyNote(note: Note, keys: readonly NoteKey[]): NoteVerdict {
  const verified: VerifiedSignature[] = []
  for (const line of note.signatures) {
    const key = keys.find(({ name, keyId }) => name === line.name && keyId === line.keyId)
    if (key === undefined || verified.some((one) => one.key === key)) continue
    const signature = verifyLine({ text: note.text, key, line })
    if (signature === undefined) {
      return { kind: 'refused', reason: 'bad', message: `the signature of ${key.name} is wrong` }
    }
    verified.push(signature)
  }
  if (verified.length > 0) return { kind: 'verified', signatures: verified }
  return { kind: 'refused', reason: 'none', message: 'no known key signed the note' }
}

function verifyLine(options: {
  readonly text: string
  readonly key: NoteKey
  readonly line: NoteSignature
}): VerifiedSignature | undefined {
  const { text, key, line } = options
  if (line.signature.length !== noteKeyFormats[key.type].signatureBytes) return undefined
  if (key.type === 'ed25519') {
    const holds = verifyEd25519(key.key, Buffer.from(text), line.signature)
    return holds ? { key, line } : undefined
  }
  const time = line.signature.readBigUInt64BE(0)
  const signature = line.signature.subarray(8)
  if (time > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  const atSeconds = Number(time)
  const message = cosignedMessage({ text, key, atSeconds })
  if (message === undefined) return undefined
  const holds =
    key.type === 'ed25519-cosignature'
      ? verifyEd25519(key.key, message, signature)
      : verify(null, message, key.key, signature)
  return holds ? { key, atSeconds, line } : undefined
}

/** Undefined where the text is no checkpoint: nobody cosigns anything else. */
function cosignedMessage(options: {
  readonly text: string
  readonly key: NoteKey
  readonly atSeconds: number
}): Buffer | undefined {
  const { text, key, atSeconds } = options
  try {
    return cosignatureMessage({ checkpoint: parseCheckpointText(text), key, atSeconds })
  } catch (error) {
    if (error instanceof TlogError) return undefined
    throw error
  }
}

/** The bytes that a cosigner signs for a checkpoint, by the type of its key. */
export function cosignatureMessage(options: {
  readonly checkpoint: Checkpoint
  readonly key: Pick<NoteKey, 'name' | 'type'>
  readonly atSeconds: number
}): Buffer {
  const { checkpoint, key, atSeconds } = options
  if (!Number.isSafeInteger(atSeconds) || atSeconds < 0) {
    throw new TlogError('out_of_range', `${atSeconds} is no time in Unix seconds`)
  }
  const text = formatCheckpointText(checkpoint)
  if (key.type === 'ed25519-cosignature') {
    return Buffer.from(`cosignature/v1\ntime ${atSeconds}\n${text}`)
  }
  if (key.type === 'ed25519') throw malformed('a key of this type makes no cosignatures')
  return Buffer.concat([
    Buffer.from('subtree/v1\n\0'),
    shortBytes(key.name),
    uint64(atSeconds),
    shortBytes(checkpoint.origin),
    // A checkpoint is the subtree from the first leaf to the last.
    uint64(0),
    uint64(checkpoint.size),
    checkpoint.root,
  ])
}

/** `opaque<1..2^8-1>`: its length in one byte, and the bytes. */
function shortBytes(text: string): Buffer {
  const bytes = Buffer.from(text)
  if (bytes.length < 1 || bytes.length > 255) throw malformed('a name has 1 to 255 bytes')
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** Who can sign: a public key, and whatever holds the secret one. */
export type NoteSigner = {
  readonly key: NoteKey
  /** The raw signature of the message by the key's algorithm: 64 bytes, or 2,420 of ML-DSA-44. */
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>
}

/** One signature line for a checkpoint, verified before it is given. `atSeconds` goes in cosignatures. */
export async function signCheckpoint(options: {
  readonly checkpoint: Checkpoint
  readonly signer: NoteSigner
  readonly atSeconds: number
}): Promise<NoteSignature> {
  const { checkpoint, signer, atSeconds } = options
  const { key } = signer
  const text = formatCheckpointText(checkpoint)
  const isPlain = key.type === 'ed25519'
  const message = isPlain ? Buffer.from(text) : cosignatureMessage({ checkpoint, key, atSeconds })
  const raw = await signer.sign(message)
  const signature = isPlain ? Buffer.from(raw) : Buffer.concat([uint64(atSeconds), raw])
  const line = { name: key.name, keyId: key.keyId, signature }
  // A signer with another key, or a fault of its machine, must not get as far as a published note.
  if (verifyLine({ text, key, line }) === undefined) {
    throw new TlogError('key_invalid', `what ${key.name} signed does not verify by its public key`)
  }
  return line
}

/** A checkpoint with one signature of each signer, in their order: the bytes to publish. */
export async function signCheckpointNote(options: {
  readonly checkpoint: Checkpoint
  readonly signers: readonly NoteSigner[]
  readonly atSeconds: number
}): Promise<Buffer> {
  const { checkpoint, signers, atSeconds } = options
  const signatures: NoteSignature[] = []
  for (const signer of signers) {
    signatures.push(await signCheckpoint({ checkpoint, signer, atSeconds }))
  }
  return formatNote({ text: formatCheckpointText(checkpoint), signatures })
}
