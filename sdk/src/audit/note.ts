// C2SP signed-note and tlog-checkpoint, read strictly, and the keys (vkeys) that sign them.
import {
  type Bytes,
  concatBytes,
  equalBytes,
  readBase64,
  readDecimal,
  uint64Bytes,
  utf8,
} from './bytes.ts'
import type { AuditCrypto } from './crypto.ts'
import { type AuditCheckId, AuditFault } from './fault.ts'

export type AuditKey = {
  readonly name: string
  /** 1: Ed25519 over the text. 4: cosignature/v1. 6: ML-DSA-44 cosignature. */
  readonly type: 1 | 4 | 6
  readonly id: Bytes
  readonly key: Bytes
}

export type SignatureLine = { readonly name: string; readonly id: Bytes; readonly signature: Bytes }
export type SignedText = { readonly text: string; readonly lines: readonly SignatureLine[] }

const keyBytes = { 1: 32, 4: 32, 6: 1_312 } as const
const linesMax = 64
/** A name's length is one byte of what is signed. */
const nameBytesMax = 255
/** Every control character but the end of a line (signed-note forbids them). */
const controlCharacters = /[^\P{Cc}\n]/u

/** Reads a vkey: name, id and key, where the id is the hash of the other two. */
export async function readAuditKey(
  crypto: AuditCrypto,
  text: string,
  check: AuditCheckId,
): Promise<AuditKey> {
  const [, name = '', hex = '', encoded = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text) ?? []
  const bytes = readBase64(encoded)
  const type = bytes?.[0]
  if (controlCharacters.test(text) || utf8(name).length > nameBytesMax) {
    throw new AuditFault(check, 'the name of a key is too long, or has control characters')
  }
  if (bytes === undefined || (type !== 1 && type !== 4 && type !== 6)) {
    throw new AuditFault(check, 'a key is no vkey of a known type')
  }
  const key = bytes.slice(1)
  if (key.length !== keyBytes[type]) throw new AuditFault(check, `the key ${name} has a wrong size`)
  const named = await crypto.sha256(concatBytes([utf8(`${name}\n`), bytes]))
  const id = named.slice(0, 4)
  const written = Array.from(id, (byte) => byte.toString(16).padStart(2, '0')).join('')
  if (written !== hex) throw new AuditFault(check, `the id of the key ${name} is not its hash`)
  return { name, type, id, key }
}

/** Reads a note: text, an empty line, signature lines, and nothing else. */
export function readSignedText(whole: string, check: AuditCheckId): SignedText {
  const split = whole.lastIndexOf('\n\n')
  if (split < 1 || !whole.endsWith('\n') || controlCharacters.test(whole)) {
    throw new AuditFault(check, 'a signed note is malformed')
  }
  const written = whole.slice(split + 2, -1).split('\n')
  if (written.length > linesMax) throw new AuditFault(check, 'a note has too many signatures')
  const lines = written.map((line) => {
    const [, name = '', encoded = ''] = /^\u2014 ([^\s+]+) (\S+)$/.exec(line) ?? []
    const bytes = readBase64(encoded)
    if (bytes === undefined || bytes.length < 5) {
      throw new AuditFault(check, 'a signature line is malformed')
    }
    return { name, id: bytes.slice(0, 4), signature: bytes.slice(4) }
  })
  return { text: whole.slice(0, split + 1), lines }
}

export type AuditCheckpoint = {
  readonly origin: string
  readonly size: number
  readonly root: Bytes
  readonly note: SignedText
}

export function readCheckpoint(whole: string): AuditCheckpoint {
  const note = readSignedText(whole, 'checkpoints')
  const [origin = '', sizeText = '', rootText = '', ...rest] = note.text.split('\n')
  const size = readDecimal(sizeText)
  const root = readBase64(rootText)
  if (utf8(origin).length > nameBytesMax) {
    throw new AuditFault('checkpoints', 'the origin of a checkpoint is too long')
  }
  if (origin === '' || size === undefined || root?.length !== 32 || rest.join() !== '') {
    throw new AuditFault('checkpoints', 'a checkpoint is not origin, size and root')
  }
  return { origin, size, root, note }
}

export type SignatureState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'holds'; readonly atSeconds?: number }
  | { readonly kind: 'wrong' }
  /** It is there, and this program cannot verify its algorithm. */
  | { readonly kind: 'unchecked' }

/** Whether the key signed the note. A cosignature is of a checkpoint. */
export async function checkSignature(
  crypto: AuditCrypto,
  key: AuditKey,
  signed: { readonly note: SignedText; readonly checkpoint?: AuditCheckpoint },
): Promise<SignatureState> {
  const line = signed.note.lines.find((one) => one.name === key.name && equalBytes(one.id, key.id))
  if (line === undefined) return { kind: 'absent' }
  if (key.type === 1) {
    const { signature } = line
    const isValid = await crypto.verifyEd25519({
      key: key.key,
      message: utf8(signed.note.text),
      signature,
    })
    return { kind: isValid ? 'holds' : 'wrong' }
  }
  if (signed.checkpoint === undefined || line.signature.length <= 8) return { kind: 'wrong' }
  const time = new DataView(line.signature.buffer).getBigUint64(0)
  if (time > BigInt(Number.MAX_SAFE_INTEGER)) return { kind: 'wrong' }
  const atSeconds = Number(time)
  const verify = key.type === 4 ? crypto.verifyEd25519 : crypto.verifyMlDsa44
  if (verify === undefined) return { kind: 'unchecked' }
  const message = cosignedBytes(key, signed.checkpoint, atSeconds)
  const isValid = await verify({ key: key.key, message, signature: line.signature.slice(8) })
  return isValid ? { kind: 'holds', atSeconds } : { kind: 'wrong' }
}

function cosignedBytes(key: AuditKey, checkpoint: AuditCheckpoint, atSeconds: number): Bytes {
  const { note, origin, size, root } = checkpoint
  if (key.type === 4) return utf8(`cosignature/v1\ntime ${atSeconds}\n${note.text}`)
  const [name, from] = [utf8(key.name), utf8(origin)]
  return concatBytes([
    utf8('subtree/v1\n\0'),
    Uint8Array.of(name.length),
    name,
    uint64Bytes(atSeconds),
    Uint8Array.of(from.length),
    from,
    uint64Bytes(0),
    uint64Bytes(size),
    root,
  ])
}
