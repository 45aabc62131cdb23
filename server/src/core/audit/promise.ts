// What a receipt promises before the proof is there: that the log of this origin will have this leaf
// at this place in a checkpoint signed before the deadline. A signed note, so that anybody can check
// it offline; together with a later checkpoint that has another leaf there it is evidence.
import type { Note } from '../tlog/note.ts'
import type { NoteKey } from '../tlog/note-key.ts'
import { formatNote, parseNote } from '../tlog/note.ts'
import { type NoteSigner, verifyNote } from '../tlog/signatures.ts'

/** From the entry's own time, which is the database's. */
export const promiseWithinMs = 10_000
/** No checkpoint begins so: an origin has no space. */
const header = 'airworthy inclusion promise v1'

export type InclusionPromise = {
  readonly origin: string
  readonly index: number
  /** 32 bytes. */
  readonly leaf: Buffer
  readonly deadlineMs: number
}

export function formatPromiseText(promise: InclusionPromise): string {
  const { origin, index, leaf, deadlineMs } = promise
  const deadline = new Date(deadlineMs).toISOString()
  return [header, origin, index, leaf.toString('base64'), deadline, ''].join('\n')
}

/** The signed promise. The signer's key is the log's own. */
export async function signPromise(promise: InclusionPromise, signer: NoteSigner): Promise<string> {
  const text = formatPromiseText(promise)
  const { name, keyId } = signer.key
  const signature = Buffer.from(await signer.sign(Buffer.from(text)))
  return formatNote({ text, signatures: [{ name, keyId, signature }] }).toString()
}

/** The promise, if the key signed it; undefined for whatever is not exactly one. */
export function verifyPromise(bytes: Uint8Array, key: NoteKey): InclusionPromise | undefined {
  let note: Note
  try {
    note = parseNote(bytes)
  } catch {
    // Whatever is no note is no promise.
    return undefined
  }
  if (verifyNote(note, [key]).kind === 'refused') return undefined
  const [, origin = '', index = '', leaf = '', deadline = ''] = note.text.split('\n')
  const promise = {
    origin,
    index: Number(index),
    leaf: Buffer.from(leaf, 'base64'),
    deadlineMs: Date.parse(deadline),
  }
  const isDated = Number.isFinite(promise.deadlineMs)
  const isExact = isDated && formatPromiseText(promise) === note.text && origin === key.name
  return isExact ? promise : undefined
}
