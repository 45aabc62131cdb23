// C2SP tlog-witness: the bodies of `add-checkpoint`, and what a witness answers to one. The decision is
// pure; whoever calls it must take the latest size and store the new one in one transaction.
import { parseCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { malformed, TlogError } from './fault.ts'
import { noteBytesMax } from './note.ts'
import type { NoteKey } from './note-key.ts'
import { proofHashesMax, verifyConsistency } from './proof.ts'
import { verifyNote } from './signatures.ts'
import { readDecimal, readHash, readText, writeBase64 } from './text.ts'
import { assertTreeSize, emptyRoot } from './tree.ts'

/** The media type of a 409 that tells the size. */
export const sizeMediaType = 'text/x.tlog.size'
/** The longest body of `add-checkpoint` that is read. */
export const addCheckpointBytesMax: number = noteBytesMax + 4096

export type AddCheckpoint = {
  /** The size of the witness's latest checkpoint of the log, as the sender knows it. */
  readonly oldSize: number
  /** The consistency proof from there; empty from 0. */
  readonly proof: readonly Buffer[]
  /** The checkpoint's bytes as they were sent, with all signatures. */
  readonly checkpoint: Buffer
}

/** Reads the body of `add-checkpoint`; the checkpoint in it is not parsed. Throws `TlogError`. */
export function parseAddCheckpoint(bytes: Uint8Array): AddCheckpoint {
  const text = readText(bytes, addCheckpointBytesMax)
  const end = text.indexOf('\n\n')
  if (end < 0) throw malformed('an empty line stands before the checkpoint')
  const [old = '', ...hashes] = text.slice(0, end).split('\n')
  const oldSize = old.startsWith('old ') ? readDecimal(old.slice(4)) : undefined
  if (oldSize === undefined) throw malformed('the first line is "old" and a size')
  if (hashes.length > proofHashesMax) {
    throw new TlogError('too_large', `a proof has at most ${proofHashesMax} hashes`)
  }
  return { oldSize, proof: hashes.map(readHash), checkpoint: Buffer.from(text.slice(end + 2)) }
}

export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): Buffer {
  assertTreeSize(oldSize)
  if (proof.length > proofHashesMax) throw new TlogError('too_large', 'the proof is too long')
  const lines = proof.map((hash) => `${writeBase64(hash)}\n`)
  return Buffer.concat([Buffer.from(`old ${oldSize}\n${lines.join('')}\n`), checkpoint])
}

/** The body of a 409: the size of the latest checkpoint that the witness cosigned. */
export function formatSizeBody(size: number): string {
  assertTreeSize(size)
  return `${size}\n`
}

/** Throws `TlogError` unless the body is a size and a newline. */
export function parseSizeBody(bytes: Uint8Array): number {
  const text = readText(bytes, 32)
  const size = text.endsWith('\n') ? readDecimal(text.slice(0, -1)) : undefined
  if (size === undefined) throw malformed('the body is no tree size')
  return size
}

export type WitnessVerdict =
  /** To be stored as the latest, then cosigned, then answered with the signature lines and 200. */
  | { readonly kind: 'cosign'; readonly checkpoint: SignedCheckpoint }
  /** `size` is there for a 409 that tells the latest size. */
  | {
      readonly kind: 'refused'
      readonly status: 400 | 403 | 404 | 409 | 422
      readonly message: string
      readonly size?: number
    }

export type WitnessFacts = {
  /** The keys that are trusted for an origin; undefined for a log that the witness does not know. */
  readonly keysOf: (origin: string) => readonly NoteKey[] | undefined
  /** The latest checkpoint cosigned for an origin; undefined before the first. */
  readonly latestOf: (
    origin: string,
  ) => { readonly size: number; readonly root: Uint8Array } | undefined
}

/** What a witness answers, in the order of checks that the specification gives. */
export function judgeAddCheckpoint(body: Uint8Array, facts: WitnessFacts): WitnessVerdict {
  let request: AddCheckpoint
  let checkpoint: SignedCheckpoint
  try {
    request = parseAddCheckpoint(body)
    checkpoint = parseCheckpoint(request.checkpoint)
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
    return { kind: 'refused', status: 400, message: error.message }
  }
  const keys = facts.keysOf(checkpoint.origin)
  if (keys === undefined) return { kind: 'refused', status: 404, message: 'the log is not known' }
  const signed = verifyNote(checkpoint.note, keys)
  if (signed.kind === 'refused') return { kind: 'refused', status: 403, message: signed.message }
  return judgeGrowth({ request, checkpoint, latest: facts.latestOf(checkpoint.origin) })
}

function judgeGrowth(options: {
  readonly request: AddCheckpoint
  readonly checkpoint: SignedCheckpoint
  readonly latest: { readonly size: number; readonly root: Uint8Array } | undefined
}): WitnessVerdict {
  const { request, checkpoint } = options
  const { oldSize, proof } = request
  const latest = options.latest ?? { size: 0, root: emptyRoot }
  if (oldSize > checkpoint.size) {
    return { kind: 'refused', status: 400, message: 'the old size passes the new one' }
  }
  if (oldSize !== latest.size) {
    const message = `the latest size is ${latest.size}`
    return { kind: 'refused', status: 409, message, size: latest.size }
  }
  if (oldSize === checkpoint.size && !checkpoint.root.equals(latest.root)) {
    const message = 'a checkpoint of this size has another root: the log has forked'
    return { kind: 'refused', status: 409, message, size: latest.size }
  }
  const isConsistent = verifyConsistency({
    from: oldSize,
    to: checkpoint.size,
    fromRoot: latest.root,
    toRoot: checkpoint.root,
    proof,
  })
  if (isConsistent) return { kind: 'cosign', checkpoint }
  return { kind: 'refused', status: 422, message: 'the consistency proof does not hold' }
}
