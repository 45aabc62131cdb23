// C2SP tlog-checkpoint: origin, size and root of a log, as the text of a signed note. Extension lines
// are refused: an ML-DSA cosignature does not sign them, so nobody could rely on what they say.
import { malformed } from './fault.ts'
import { type Note, parseNote } from './note.ts'
import { readDecimal, readHash, writeBase64 } from './text.ts'
import { assertTreeSize, hashBytes } from './tree.ts'

/** What a log says of itself. Not to be believed before its signatures are verified. */
export type Checkpoint = {
  readonly origin: string
  /** How many leaves the tree has; below 2^53. */
  readonly size: number
  /** 32 bytes. */
  readonly root: Buffer
}

export type SignedCheckpoint = Checkpoint & { readonly note: Note }

/** ML-DSA signs the length of an origin in one byte. */
export const originBytesMax = 255

/** Reads a checkpoint with its signatures. Throws `TlogError`. */
export function parseCheckpoint(bytes: Uint8Array): SignedCheckpoint {
  const note = parseNote(bytes)
  return { ...parseCheckpointText(note.text), note }
}

/** Reads the text of a checkpoint: three lines, no more. Throws `TlogError`. */
export function parseCheckpointText(text: string): Checkpoint {
  const [origin = '', sizeLine = '', rootLine = '', ...rest] = text.split('\n')
  if (rest.length !== 1 || rest[0] !== '') throw malformed('a checkpoint has three lines')
  if (!isOrigin(origin)) throw malformed('the origin of a checkpoint is empty or too long')
  const size = readDecimal(sizeLine)
  if (size === undefined) throw malformed('the size of a checkpoint is no decimal below 2^53')
  return { origin, size, root: readHash(rootLine) }
}

/** The text to sign, with its final newline. */
export function formatCheckpointText({ origin, size, root }: Checkpoint): string {
  if (!isOrigin(origin)) throw malformed('an origin is empty, too long, or has a control character')
  assertTreeSize(size)
  if (root.length !== hashBytes) throw malformed('a root has 32 bytes')
  return `${origin}\n${size}\n${writeBase64(root)}\n`
}

function isOrigin(origin: string): boolean {
  const isText = origin.isWellFormed() && /^\P{Cc}+$/u.test(origin)
  return isText && Buffer.byteLength(origin) <= originBytesMax
}
