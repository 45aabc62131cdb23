// Our log as others' code reads it: the functions of @sigstore/verify, which check checkpoints and
// inclusion proofs of the public good instance of Sigstore, over bytes that our log published.
import { verifyCheckpoint } from '@sigstore/verify/dist/tlog/checkpoint.js'
import { verifyMerkleInclusion } from '@sigstore/verify/dist/tlog/merkle.js'
import type { NoteKey } from '../../src/core/tlog/note-key.ts'

export type PublishedProof = {
  /** The entry's bytes. */
  readonly entry: Buffer
  readonly index: number
  readonly proof: readonly Buffer[]
  /** The signed checkpoint as it was published. */
  readonly checkpoint: Buffer
}

type SigstoreEntry = Parameters<typeof verifyMerkleInclusion>[0]
type SigstoreLog = Parameters<typeof verifyCheckpoint>[1][number]

/** Whether Sigstore's code accepts the checkpoint by the log's Ed25519 key, and the entry in it. */
export function isAcceptedByOthers(published: PublishedProof, key: NoteKey): boolean {
  const entry = sigstoreEntry(published)
  try {
    verifyMerkleInclusion(entry, verifyCheckpoint(entry, [sigstoreLog(key)]))
    return true
  } catch {
    return false
  }
}

function sigstoreEntry({ entry, index, proof, checkpoint }: PublishedProof): SigstoreEntry {
  return {
    logIndex: String(index),
    logId: { keyId: Buffer.alloc(0) },
    kindVersion: { kind: '', version: '' },
    integratedTime: '0',
    inclusionPromise: undefined,
    canonicalizedBody: entry,
    inclusionProof: {
      logIndex: String(index),
      rootHash: Buffer.alloc(0),
      treeSize: '0',
      hashes: [...proof],
      checkpoint: { envelope: checkpoint.toString() },
    },
  }
}

function sigstoreLog(key: NoteKey): SigstoreLog {
  const logID = Buffer.alloc(32)
  logID.writeUInt32BE(key.keyId)
  return {
    logID,
    publicKey: key.key,
    baseURL: `https://${key.name}`,
    validFor: { start: new Date(0), end: new Date(8.64e15) },
  }
}
