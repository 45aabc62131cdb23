// C2SP tlog-proof: one text file that proves offline that a leaf is in a log, with the checkpoint and
// its cosignatures. Whoever verifies it brings a policy and computes the leaf hash from the entry.
import { parseCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { malformed, TlogError } from './fault.ts'
import { noteBytesMax } from './note.ts'
import { judgeCheckpoint, type LogPolicy, type PolicyVerdict } from './policy.ts'
import { proofHashesMax, verifyInclusion } from './proof.ts'
import { readBase64, readDecimal, readHash, readText, writeBase64 } from './text.ts'
import { assertTreeSize } from './tree.ts'

const header = 'c2sp.org/tlog-proof@v1'
export const proofFileExtension = '.tlog-proof'
/** The longest extra data, before base64. */
export const extraBytesMax = 65_536
export const proofFileBytesMax: number = noteBytesMax + 2 * extraBytesMax + 4096

export type ProofFile = {
  /** Zero-based. */
  readonly index: number
  readonly proof: readonly Buffer[]
  /** The checkpoint's bytes, with every signature. */
  readonly checkpoint: Buffer
  /** Opaque, and not authenticated by anything. */
  readonly extra?: Buffer
}

export function formatProofFile({ index, proof, checkpoint, extra }: ProofFile): Buffer {
  assertTreeSize(index)
  if (proof.length > proofHashesMax || (extra?.length ?? 0) > extraBytesMax) {
    throw new TlogError('too_large', 'the proof or its extra data is too long')
  }
  const lines = [
    header,
    ...(extra === undefined ? [] : [`extra ${writeBase64(extra)}`]),
    `index ${index}`,
    ...proof.map(writeBase64),
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\n')}\n\n`), checkpoint])
}

/** Reads a proof file, its checkpoint included; verifies nothing. Throws `TlogError`. */
export function parseProofFile(
  bytes: Uint8Array,
): ProofFile & { readonly signed: SignedCheckpoint } {
  const text = readText(bytes, proofFileBytesMax)
  const end = text.indexOf('\n\n')
  if (end < 0) throw malformed('an empty line stands before the checkpoint')
  const [first, ...lines] = text.slice(0, end).split('\n')
  if (first !== header) throw malformed(`the first line is ${header}`)
  const extra = lines[0]?.startsWith('extra ') === true ? readExtra(lines.shift()) : undefined
  const [place = '', ...hashes] = lines
  const index = place.startsWith('index ') ? readDecimal(place.slice(6)) : undefined
  if (index === undefined) throw malformed('an index line is missing')
  if (hashes.length > proofHashesMax) {
    throw new TlogError('too_large', `a proof has at most ${proofHashesMax} hashes`)
  }
  const checkpoint = Buffer.from(text.slice(end + 2))
  return {
    index,
    proof: hashes.map(readHash),
    checkpoint,
    signed: parseCheckpoint(checkpoint),
    ...(extra === undefined ? {} : { extra }),
  }
}

function readExtra(line = ''): Buffer {
  const extra = readBase64(line.slice('extra '.length))
  if (extra === undefined) throw malformed('the extra data is not base64')
  if (extra.length > extraBytesMax) throw new TlogError('too_large', 'the extra data is too long')
  return extra
}

export type ProofVerdict =
  | (Extract<PolicyVerdict, { readonly kind: 'accepted' }> & { readonly index: number })
  | {
      readonly kind: 'refused'
      readonly reason: Extract<PolicyVerdict, { readonly kind: 'refused' }>['reason'] | 'inclusion'
      readonly message: string
    }

/** Whether the leaf is in a log that the policy trusts. `leaf` is the leaf hash, 32 bytes. */
export function verifyProofFile(options: {
  readonly file: Uint8Array
  readonly leaf: Uint8Array
  readonly policy: LogPolicy
}): ProofVerdict {
  const { file, leaf, policy } = options
  let read: ReturnType<typeof parseProofFile>
  try {
    read = parseProofFile(file)
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
    return { kind: 'refused', reason: 'malformed', message: error.message }
  }
  const verdict = judgeCheckpoint(policy, read.checkpoint)
  if (verdict.kind === 'refused') return verdict
  const { size, root } = verdict.checkpoint
  if (verifyInclusion({ leaf, index: read.index, size, root, proof: read.proof })) {
    return { ...verdict, index: read.index }
  }
  return { kind: 'refused', reason: 'inclusion', message: 'the leaf is not where the file says' }
}
