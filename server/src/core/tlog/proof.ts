// Inclusion and consistency proofs (RFC 6962 sections 2.1.1 and 2.1.2), made from tiles. A proof is a
// list of hashes, and whoever gets it verifies it: tiles that lie give a proof that fails.
import { TlogError } from './fault.ts'
import {
  cutTile,
  type ReadTile,
  tileHashes,
  tileHeight,
  type TileId,
  tileOfTree,
  tileWidthMax,
} from './tiles.ts'
import { assertTreeSize, emptyRoot, hashBytes, merkleRoot, nodeHash, splitPoint } from './tree.ts'

/** No proof is longer: the two ways through a tree of 2^53 leaves, and what C2SP allows a witness. */
export const proofHashesMax = 63

/** The root of the tree of `size`, from its right edge. */
export async function rootFromTiles(size: number, readTile: ReadTile): Promise<Buffer> {
  assertTreeSize(size)
  if (size === 0) return emptyRoot
  return hashOfRange({ from: 0, to: size }, { size, read: rememberTiles(readTile) })
}

/**
 * Proves that the leaf of `index` is in the tree of `size`: from the leaf's sibling up to a child of
 * the root. Throws where the index lies outside the tree, or a tile is not as wide as it must be.
 */
export async function proveInclusion(options: {
  readonly index: number
  readonly size: number
  readonly readTile: ReadTile
}): Promise<Buffer[]> {
  const { index, size, readTile } = options
  assertTreeSize(size)
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new TlogError('out_of_range', `a tree of ${size} has no leaf ${index}`)
  }
  const tree = { size, read: rememberTiles(readTile) }
  const proof: Buffer[] = []
  let [from, to] = [0, size]
  while (to - from > 1) {
    const middle = from + splitPoint(to - from)
    const isLeft = index < middle
    proof.push(await hashOfRange(isLeft ? { from: middle, to } : { from, to: middle }, tree))
    ;[from, to] = isLeft ? [from, middle] : [middle, to]
  }
  return proof.toReversed()
}

/**
 * Proves that the tree of `to` leaves begins with the tree of `from` leaves. The proof is empty where
 * `from` is 0 or both are equal.
 */
export async function proveConsistency(options: {
  readonly from: number
  readonly to: number
  readonly readTile: ReadTile
}): Promise<Buffer[]> {
  const { from: old, to: size, readTile } = options
  assertTreeSize(old)
  assertTreeSize(size)
  if (old > size) throw new TlogError('out_of_range', `${old} leaves are more than ${size}`)
  if (old === 0 || old === size) return []
  const tree = { size, read: rememberTiles(readTile) }
  const proof: Buffer[] = []
  let [from, to] = [0, size]
  while (old !== to) {
    const middle = from + splitPoint(to - from)
    const isLeft = old <= middle
    proof.push(await hashOfRange(isLeft ? { from: middle, to } : { from, to: middle }, tree))
    ;[from, to] = isLeft ? [from, middle] : [middle, to]
  }
  // The verifier knows the old root; only a smaller piece of the old tree has to be said.
  if (from > 0) proof.push(await hashOfRange({ from, to }, tree))
  return proof.toReversed()
}

type Tree = { readonly size: number; readonly read: (tile: TileId) => Promise<Buffer> }
type Range = { readonly from: number; readonly to: number }

/** One proof reads each tile once; it needs O(log n) of them. */
function rememberTiles(readTile: ReadTile): (tile: TileId) => Promise<Buffer> {
  const tiles = new Map<string, Buffer>()
  return async (id) => {
    const name = `${id.level}/${id.index}`
    const known = tiles.get(name)
    if (known !== undefined) return known
    const bytes = cutTile(await readTile(id), id)
    tiles.set(name, bytes)
    return bytes
  }
}

/** The Merkle tree hash of the leaves `from` to `to`; ranges of RFC 6962 splits only. */
async function hashOfRange({ from, to }: Range, tree: Tree): Promise<Buffer> {
  const count = to - from
  if (count === 1) return hashOfPerfect({ from, count }, tree)
  const split = splitPoint(count)
  if (split * 2 === count) return hashOfPerfect({ from, count }, tree)
  const left = await hashOfPerfect({ from, count: split }, tree)
  return nodeHash(left, await hashOfRange({ from: from + split, to }, tree))
}

/** A perfect subtree of 2^h leaves lies inside one tile: of level h / 8, as 2^(h mod 8) hashes. */
async function hashOfPerfect(
  { from, count }: { readonly from: number; readonly count: number },
  tree: Tree,
): Promise<Buffer> {
  const height = Math.log2(count)
  const level = Math.floor(height / tileHeight)
  const start = from / tileWidthMax ** level
  const width = 2 ** (height % tileHeight)
  const index = Math.floor(start / tileWidthMax)
  const bytes = await tree.read(tileOfTree(tree.size, { level, index }))
  const at = (start % tileWidthMax) * hashBytes
  return merkleRoot(tileHashes(bytes.subarray(at, at + width * hashBytes)))
}

export type InclusionClaim = {
  /** The leaf hash, 32 bytes. */
  readonly leaf: Uint8Array
  readonly index: number
  readonly size: number
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/** RFC 9162 section 2.1.3.2. False for whatever is not exactly the proof, absurd numbers included. */
export function verifyInclusion({ leaf, index, size, root, proof }: InclusionClaim): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size)) return false
  if (index < 0 || index >= size || !areHashes([leaf, root, ...proof])) return false
  let [node, last] = [index, size - 1]
  let hash: Buffer = Buffer.from(leaf)
  for (const sibling of proof) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)]
    } else {
      hash = nodeHash(hash, sibling)
    }
    ;[node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
  }
  return last === 0 && hash.equals(root)
}

export type ConsistencyClaim = {
  readonly from: number
  readonly to: number
  readonly fromRoot: Uint8Array
  readonly toRoot: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/** RFC 9162 section 2.1.4.2, and the two cases with an empty proof: from nothing, and no growth. */
export function verifyConsistency(claim: ConsistencyClaim): boolean {
  const { from, to, fromRoot, toRoot, proof } = claim
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to)) return false
  if (from < 0 || from > to || !areHashes([fromRoot, toRoot, ...proof])) return false
  if (from === 0) return proof.length === 0 && emptyRoot.equals(fromRoot) && isEmpty(to, toRoot)
  if (from === to) return proof.length === 0 && Buffer.from(fromRoot).equals(toRoot)
  let [node, last] = [from - 1, to - 1]
  while (node % 2 === 1) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
  // Where the old tree is one perfect subtree, its root begins the proof and is not sent.
  const [first, ...rest] = node === 0 ? [fromRoot, ...proof] : proof
  if (first === undefined) return false
  let oldHash: Buffer = Buffer.from(first)
  let newHash = oldHash
  for (const sibling of rest) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      oldHash = nodeHash(sibling, oldHash)
      newHash = nodeHash(sibling, newHash)
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)]
    } else {
      newHash = nodeHash(newHash, sibling)
    }
    ;[node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
  }
  return last === 0 && oldHash.equals(fromRoot) && newHash.equals(toRoot)
}

/** Every tree begins with the empty one; but a tree of no leaves has one root only. */
function isEmpty(size: number, root: Uint8Array): boolean {
  return size > 0 || emptyRoot.equals(root)
}

function areHashes(values: readonly Uint8Array[]): boolean {
  return values.length <= proofHashesMax + 2 && values.every(({ length }) => length === hashBytes)
}
