// The Merkle tree of RFC 6962, grown from left to right: a stack of perfect subtrees. A range of leaves
// is proved by the subtrees to its left and to its right, at most 2 x 53 hashes for any range.
import { type Bytes, concatBytes } from './bytes.ts'
import type { AuditCrypto } from './crypto.ts'
import { AuditFault } from './fault.ts'

export type Subtree = { readonly height: number; readonly hash: Bytes }

const leafPrefix = Uint8Array.of(0)
const nodePrefix = Uint8Array.of(1)

export async function hashLeaf(crypto: AuditCrypto, entry: Bytes): Promise<Bytes> {
  return crypto.sha256(concatBytes([leafPrefix, entry]))
}

async function hashNode(crypto: AuditCrypto, left: Bytes, right: Bytes): Promise<Bytes> {
  return crypto.sha256(concatBytes([nodePrefix, left, right]))
}

/** The heights of the largest aligned subtrees that cover the leaves `from` to `to`, left to right. */
export function subtreeHeights(from: number, to: number): number[] {
  const heights: number[] = []
  let at = from
  while (at < to) {
    let height = 0
    while (at % 2 ** (height + 1) === 0 && at + 2 ** (height + 1) <= to) height += 1
    heights.push(height)
    at += 2 ** height
  }
  return heights
}

export class TreeStack {
  readonly #crypto: AuditCrypto
  readonly #stack: Subtree[] = []
  #size = 0

  constructor(crypto: AuditCrypto) {
    this.#crypto = crypto
  }

  get size(): number {
    return this.#size
  }

  /** Adds the next subtree; a leaf has the height 0. It must lie where the tree ends. */
  async add(hash: Bytes, height = 0): Promise<void> {
    if (this.#size % 2 ** height !== 0) throw new AuditFault('tree', 'a proof is not aligned')
    this.#size += 2 ** height
    let top: Subtree = { height, hash }
    while (this.#stack.at(-1)?.height === top.height) {
      const left = this.#stack.pop()
      if (left === undefined) break
      top = { height: top.height + 1, hash: await hashNode(this.#crypto, left.hash, top.hash) }
    }
    this.#stack.push(top)
  }

  /** Adds the subtrees that cover the leaves from where the tree ends to `to`. */
  async addAll(hashes: readonly Bytes[], to: number): Promise<void> {
    const heights = subtreeHeights(this.#size, to)
    if (heights.length !== hashes.length) {
      throw new AuditFault('tree', `a proof has ${hashes.length} hashes, not ${heights.length}`)
    }
    for (const [index, hash] of hashes.entries()) await this.add(hash, heights[index])
  }

  async root(): Promise<Bytes> {
    const [last, ...rest] = this.#stack.toReversed()
    if (last === undefined) return this.#crypto.sha256(new Uint8Array(0))
    let { hash } = last
    for (const left of rest) hash = await hashNode(this.#crypto, left.hash, hash)
    return hash
  }
}
