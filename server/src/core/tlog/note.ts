// C2SP signed-note: a text, an empty line, and signature lines. What is here reads and writes the
// bytes; whether a signature holds is asked of signatures.ts. A note's text means nothing before that.
import { malformed, TlogError } from './fault.ts'
import { readBase64, readText, writeBase64 } from './text.ts'

/** Room for a few dozen signatures of ML-DSA-44, each of 3.3 kB. */
export const noteBytesMax = 131_072
/** The specification asks for at least 16. */
export const noteSignaturesMax = 64

export type NoteSignature = {
  readonly name: string
  /** The first four bytes of a signature line, as a number. */
  readonly keyId: number
  /** What follows them. */
  readonly signature: Buffer
}

export type Note = {
  /** With its final newline: exactly what is signed. */
  readonly text: string
  /** In the order of the note; at least one. */
  readonly signatures: readonly NoteSignature[]
}

/** Reads a note strictly: nothing before, between or after. Throws `TlogError`. */
export function parseNote(bytes: Uint8Array): Note {
  const whole = readText(bytes, noteBytesMax)
  const split = whole.lastIndexOf('\n\n')
  if (split < 0) throw malformed('a note has no empty line before its signatures')
  const text = whole.slice(0, split + 1)
  if (text === '\n') throw malformed('a note has no text')
  return { text, signatures: parseSignatureLines(whole.slice(split + 2)) }
}

/** The bytes of a note. Throws where the text does not end with a newline, or a name cannot be said. */
export function formatNote({ text, signatures }: Note): Buffer {
  if (!text.endsWith('\n')) throw malformed('a note text ends with a newline')
  if (signatures.length === 0) throw malformed('a note has a signature')
  const lines = signatures.map(formatSignatureLine)
  return Buffer.from(`${text}\n${lines.join('')}`)
}

/**
 * A checkpoint's note with its first signature alone, the log's own: what `log.opened` has of the shard
 * before. With a post-quantum signature it would not fit an entry. Throws `TlogError`.
 */
export function withoutCosignatures(note: string): string {
  const { text, signatures } = parseNote(Buffer.from(note))
  return formatNote({ text, signatures: signatures.slice(0, 1) }).toString()
}

/**
 * Reads one or more signature lines, each with its newline: the end of a note, or what a witness
 * answers. Throws `TlogError`.
 */
export function parseSignatureLines(text: string): NoteSignature[] {
  if (!text.endsWith('\n')) throw malformed('a signature line ends with a newline')
  const lines = text.slice(0, -1).split('\n')
  if (lines.length > noteSignaturesMax) {
    throw new TlogError('too_large', `${lines.length} signatures are more than a note may have`)
  }
  return lines.map(parseSignatureLine)
}

function parseSignatureLine(line: string): NoteSignature {
  const [dash, name = '', encoded = '', ...rest] = line.split(' ')
  if (dash !== '\u2014' || rest.length > 0 || !isKeyName(name)) {
    throw malformed('a signature line is not a dash, a key name and base64')
  }
  const bytes = readBase64(encoded)
  if (bytes === undefined || bytes.length < 5) {
    throw malformed('a signature is not base64 of a key id and a signature')
  }
  return { name, keyId: bytes.readUInt32BE(0), signature: bytes.subarray(4) }
}

/** `— <name> <base64>` and a newline. */
export function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  if (!isKeyName(name)) throw malformed('a key name has a space or a plus, or is empty')
  const id = Buffer.alloc(4)
  id.writeUInt32BE(keyId)
  return `\u2014 ${name} ${writeBase64(Buffer.concat([id, signature]))}\n`
}

/** Whether a key may have this name: not empty, without Unicode spaces, `+` or control characters. */
export function isKeyName(name: string): boolean {
  return name.isWellFormed() && /^[^\s+\p{Cc}]+$/u.test(name)
}
