// The Merkle tree of RFC 6962 (and RFC 9162) section 2.1, over leaf hashes of 32 bytes.
// Sizes and indexes are whole numbers below 2^53; nothing here uses 32-bit operators on them.
import { hash } from 'node:crypto'
import { TlogError } from './fault.ts'

export { leafHash } from '../audit/entry.ts'

export const hashBytes = 32
const nodePrefix = Buffer.from([1])

/** The root of the tree without leaves: SHA-256 of nothing. */
export const emptyRoot: Buffer = hash('sha256', '', 'buffer')

/** RFC 6962 section 2.1: the hash of a node is SHA-256 over 0x01 and its two children. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([nodePrefix, left, right]), 'buffer')
}

/** Throws unless `value` can be the size of a tree. */
export function assertTreeSize(value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw new TlogError('out_of_range', `${value} is no tree size`)
}

/** The largest power of two below `count`, where RFC 6962 splits a tree. `count` is at least 2. */
export function splitPoint(count: number): number {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}

/** The root over leaf hashes, all in memory: for tests, and for the few hashes of one tile. */
export function merkleRoot(hashes: readonly Uint8Array[]): Buffer {
  const [first] = hashes
  if (first === undefined) return emptyRoot
  if (hashes.length === 1) return Buffer.from(first)
  const split = splitPoint(hashes.length)
  return nodeHash(merkleRoot(hashes.slice(0, split)), merkleRoot(hashes.slice(split)))
}
