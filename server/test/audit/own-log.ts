// A small log whose keys we hold: bundles as an insider could make them, sealed anew after a change.
import { generateKeyPairSync, hash, type KeyObject, sign } from 'node:crypto'
import type { BundleHead } from '@airworthy/sdk'
import { BlockHash, bundleFormat, sealText, subtreeHeights, writeBundleLine } from '@airworthy/sdk'
import { buildEntry, leafHash, noEntry } from '../../src/core/audit/entry.ts'
import { createNoteKey, formatVkey, type NoteKey } from '../../src/core/tlog/note-key.ts'
import { formatNote } from '../../src/core/tlog/note.ts'
import { type NoteSigner, signCheckpointNote } from '../../src/core/tlog/signatures.ts'
import { merkleRoot } from '../../src/core/tlog/tree.ts'

const origin = 'log.example/test'

type Pair = { readonly key: NoteKey; readonly secret: KeyObject }

function makePair(name: string, type: 'ed25519' | 'ed25519-cosignature'): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return { key: createNoteKey({ name, type, publicKey: raw }), secret: privateKey }
}

function signerOf({ key, secret }: Pair): NoteSigner {
  return { key, sign: (message) => Promise.resolve(sign(null, message, secret)) }
}

export type BundleOptions = {
  readonly from: number
  readonly to: number
  /** The sizes of its checkpoints; the last one covers the range. */
  readonly sizes: readonly number[]
  /** Entries as the bundle says them, where they are not those of the log. */
  readonly entries?: readonly string[]
  readonly isWitnessed?: boolean
}

export type OwnLog = {
  readonly vkey: string
  readonly policy: string
  readonly entries: readonly string[]
  readonly checkpoint: (size: number, isWitnessed?: boolean) => Promise<string>
  /** Properly sealed, whatever it holds. */
  readonly bundle: (options: BundleOptions) => Promise<Buffer>
}

/** A log of `count` entries of two agents in turn. */
export function createOwnLog(count: number): OwnLog {
  const log = makePair(origin, 'ed25519')
  const witness = makePair('witness.example', 'ed25519-cosignature')
  const entries = makeEntries(count)
  const hashes = entries.map((entry) => leafHash(Buffer.from(entry)))
  const checkpoint = async (size: number, isWitnessed = true): Promise<string> => {
    const note = await signCheckpointNote({
      checkpoint: { origin, size, root: merkleRoot(hashes.slice(0, size)) },
      signers: [signerOf(log), ...(isWitnessed ? [signerOf(witness)] : [])],
      atSeconds: 1_700_000_000,
    })
    return note.toString()
  }
  const rootsOf = (from: number, to: number): string[] => {
    let at = from
    return subtreeHeights(from, to).map((height) => {
      const start = at
      at += 2 ** height
      return merkleRoot(hashes.slice(start, at)).toString('base64')
    })
  }
  const vkey = formatVkey(log.key)
  return {
    vkey,
    policy: `log ${vkey}\nwitness w ${formatVkey(witness.key)}\nquorum w\n`,
    entries,
    checkpoint,
    bundle: async ({ from, to, sizes, isWitnessed, ...more }) => {
      const head: BundleHead = { format: bundleFormat, origin, log: '1', from, to, key: vkey }
      const size = sizes.at(-1) ?? to
      const notes = await Promise.all(sizes.map((each) => checkpoint(each, isWitnessed)))
      const text = [
        writeBundleLine({ head }),
        ...notes.map((note) => writeBundleLine({ checkpoint: note })),
        writeBundleLine({ proof: { left: rootsOf(0, from), right: rootsOf(to, size) } }),
        ...(more.entries ?? entries.slice(from, to)).map((entry) => writeBundleLine({ entry })),
      ].join('')
      const digest = new BlockHash({
        sha256: (bytes) => new Uint8Array(hash('sha256', bytes, 'buffer')),
        verifyEd25519: () => Promise.resolve(false),
      })
      await digest.add(Buffer.from(text))
      const sealed = sealText(head, Buffer.from(await digest.digest()).toString('base64'))
      const { name, keyId } = log.key
      const signature = sign(null, Buffer.from(sealed), log.secret)
      const seal = formatNote({ text: sealed, signatures: [{ name, keyId, signature }] })
      return Buffer.from(text + writeBundleLine({ seal: seal.toString() }))
    },
  }
}

function makeEntries(count: number): string[] {
  const heads = new Map<string, { number: bigint; hash: string }>()
  return Array.from({ length: count }, (_, at) => {
    const agentId = at % 3 === 0 ? 'one' : 'two'
    const head = heads.get(agentId) ?? { number: 0n, hash: noEntry }
    const number = head.number + 1n
    const place = { number, previous: head.hash, at: new Date(at * 1000).toISOString() }
    const entry = buildEntry({ type: 'call.intent', agentId, body: { at } }, place)
    heads.set(agentId, { number, hash: entry.hash })
    return entry.bytes.toString()
  })
}
