import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { createMemoryLog } from '../../../test/tlog/memory-log.ts'
import { TlogError } from './fault.ts'
import {
  proveConsistency,
  proveInclusion,
  rootFromTiles,
  verifyConsistency,
  verifyInclusion,
} from './proof.ts'
import { emptyRoot, leafHash, merkleRoot, splitPoint } from './tree.ts'

const sizeMax = 2000
const entries = Array.from({ length: sizeMax }, (_, index) => Buffer.from(`entry ${index}`))
const leaves = entries.map(leafHash)
const log = createMemoryLog()
log.append(entries)
const { readTile } = log
const roots = new Map<number, Buffer>()

function rootOf(size: number): Buffer {
  const root = roots.get(size) ?? merkleRoot(leaves.slice(0, size))
  roots.set(size, root)
  return root
}

/** RFC 6962 section 2.1.1, word for word. */
function path(index: number, hashes: readonly Buffer[]): Buffer[] {
  if (hashes.length === 1) return []
  const split = splitPoint(hashes.length)
  const [left, right] = [hashes.slice(0, split), hashes.slice(split)]
  return index < split
    ? [...path(index, left), merkleRoot(right)]
    : [...path(index - split, right), merkleRoot(left)]
}

/** RFC 6962 section 2.1.2, word for word. */
function subproof(old: number, hashes: readonly Buffer[], isWhole: boolean): Buffer[] {
  if (old === hashes.length) return isWhole ? [] : [merkleRoot(hashes)]
  const split = splitPoint(hashes.length)
  const [left, right] = [hashes.slice(0, split), hashes.slice(split)]
  return old <= split
    ? [...subproof(old, left, isWhole), merkleRoot(right)]
    : [...subproof(old - split, right, false), merkleRoot(left)]
}

const leafOfTree = fc
  .integer({ min: 1, max: sizeMax })
  .chain((size) => fc.record({ size: fc.constant(size), index: fc.nat({ max: size - 1 }) }))
const twoSizes = fc
  .integer({ min: 0, max: sizeMax })
  .chain((to) => fc.record({ to: fc.constant(to), from: fc.nat({ max: to }) }))

async function inclusionOf(claim: { index: number; size: number }) {
  const proof = await proveInclusion({ ...claim, readTile })
  const leaf = leaves[claim.index] ?? emptyRoot
  return { ...claim, leaf, root: rootOf(claim.size), proof }
}

async function growthOf(claim: { from: number; to: number }) {
  const proof = await proveConsistency({ ...claim, readTile })
  return { ...claim, fromRoot: rootOf(claim.from), toRoot: rootOf(claim.to), proof }
}

suite('inclusion proofs', () => {
  test('every leaf of every small tree has the proof of RFC 6962, and it verifies', async () => {
    for (let size = 1; size <= 40; size += 1) {
      for (let index = 0; index < size; index += 1) {
        const claim = await inclusionOf({ index, size })
        assert.deepEqual(claim.proof, path(index, leaves.slice(0, size)))
        assert.ok(verifyInclusion(claim), `${index} of ${size}`)
      }
    }
  })

  test('any leaf of any tree up to 2,000 has the proof of RFC 6962, and it verifies', async () => {
    await fc.assert(
      fc.asyncProperty(leafOfTree, async (at) => {
        const claim = await inclusionOf(at)
        assert.deepEqual(claim.proof, path(at.index, leaves.slice(0, at.size)))
        assert.ok(verifyInclusion(claim))
      }),
      { numRuns: 200 },
    )
  })

  test('a wrong leaf, index, root or hash, a hash too many or too few: refused', async () => {
    await fc.assert(
      fc.asyncProperty(leafOfTree, fc.nat(), fc.nat(255), async (at, where, bit) => {
        const claim = await inclusionOf(at)
        const { proof, root, leaf } = claim
        assert.equal(verifyInclusion({ ...claim, leaf: flip(leaf, bit) }), false)
        assert.equal(verifyInclusion({ ...claim, root: flip(root, bit) }), false)
        const index = (at.index + 1 + (where % at.size)) % (at.size + 1)
        if (index !== at.index) assert.equal(verifyInclusion({ ...claim, index }), false)
        for (const wrong of wrongProofs(proof, where, bit)) {
          assert.equal(verifyInclusion({ ...claim, proof: wrong }), false)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('a proof of one tree is none for the root of another', async () => {
    await fc.assert(
      fc.asyncProperty(leafOfTree, fc.integer({ min: 1, max: sizeMax }), async (at, size) => {
        fc.pre(size !== at.size)
        const claim = await inclusionOf(at)
        assert.equal(verifyInclusion({ ...claim, size, root: rootOf(size) }), false)
        assert.equal(verifyInclusion({ ...claim, root: rootOf(size) }), false)
      }),
      { numRuns: 100 },
    )
  })

  test('numbers that are no places in a tree verify nothing', async () => {
    const claim = await inclusionOf({ index: 3, size: 7 })
    for (const index of [-1, 7, 3.5, Number.NaN, 2 ** 53]) {
      assert.equal(verifyInclusion({ ...claim, index }), false)
      await assert.rejects(proveInclusion({ index, size: 7, readTile }), TlogError)
    }
    for (const size of [0, -7, 7.5, Infinity]) {
      assert.equal(verifyInclusion({ ...claim, size }), false)
    }
  })
})

suite('consistency proofs', () => {
  test('every two small trees have the proof of RFC 6962, and it verifies', async () => {
    for (let to = 1; to <= 40; to += 1) {
      for (let from = 1; from <= to; from += 1) {
        const claim = await growthOf({ from, to })
        assert.deepEqual(claim.proof, subproof(from, leaves.slice(0, to), true))
        assert.ok(verifyConsistency(claim), `${from} to ${to}`)
      }
    }
  })

  test('any two trees up to 2,000 have the proof of RFC 6962, and it verifies', async () => {
    await fc.assert(
      fc.asyncProperty(twoSizes, async (sizes) => {
        const claim = await growthOf(sizes)
        assert.ok(verifyConsistency(claim))
        if (sizes.from === 0) assert.deepEqual(claim.proof, [])
        else assert.deepEqual(claim.proof, subproof(sizes.from, leaves.slice(0, sizes.to), true))
      }),
      { numRuns: 200 },
    )
  })

  test('a wrong root or hash, a hash too many or too few: refused', async () => {
    await fc.assert(
      fc.asyncProperty(twoSizes, fc.nat(), fc.nat(255), async (sizes, where, bit) => {
        const claim = await growthOf(sizes)
        assert.equal(verifyConsistency({ ...claim, fromRoot: flip(claim.fromRoot, bit) }), false)
        if (sizes.from > 0) {
          assert.equal(verifyConsistency({ ...claim, toRoot: flip(claim.toRoot, bit) }), false)
        }
        for (const wrong of wrongProofs(claim.proof, where, bit)) {
          assert.equal(verifyConsistency({ ...claim, proof: wrong }), false)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('a log that changed one old leaf has no proof', async () => {
    await fc.assert(
      fc.asyncProperty(twoSizes, fc.nat(), async ({ from, to }, where) => {
        fc.pre(from > 0)
        const changed = leaves.slice(0, to)
        changed[where % from] = leafHash(Buffer.from('another'))
        const forged = createMemoryLog()
        forged.append(
          entries
            .slice(0, to)
            .map((entry, at) => (at === where % from ? Buffer.from('another') : entry)),
        )
        const proof = await proveConsistency({ from, to, readTile: forged.readTile })
        const [fromRoot, toRoot] = [rootOf(from), merkleRoot(changed)]
        assert.deepEqual(forged.roots.get(to), toRoot)
        assert.equal(verifyConsistency({ from, to, fromRoot, toRoot, proof }), false)
      }),
      { numRuns: 40 },
    )
  })

  test('a tree does not shrink, and the empty tree has one root', async () => {
    await assert.rejects(proveConsistency({ from: 8, to: 7, readTile }), TlogError)
    const claim = { from: 8, to: 7, fromRoot: rootOf(8), toRoot: rootOf(7), proof: [] }
    assert.equal(verifyConsistency(claim), false)
    const empty = { from: 0, to: 0, fromRoot: emptyRoot, toRoot: rootOf(1), proof: [] }
    assert.equal(verifyConsistency(empty), false)
    assert.equal(verifyConsistency({ ...empty, toRoot: emptyRoot }), true)
  })
})

suite('tiles', () => {
  test('the root comes from the right edge', async () => {
    for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 1999, 2000]) {
      assert.deepEqual(await rootFromTiles(size, readTile), rootOf(size))
    }
  })

  test('a proof reads each tile once, and few of them', async () => {
    const read: string[] = []
    const watched: typeof readTile = (tile) => {
      read.push(`${tile.level}/${tile.index}`)
      return readTile(tile)
    }
    await proveInclusion({ index: 700, size: 2000, readTile: watched })
    assert.equal(new Set(read).size, read.length)
    assert.ok(read.length <= 3, String(read.length))
  })

  test('a tile of the wrong length is refused, a full one is cut', async () => {
    const short: typeof readTile = async (tile) => (await readTile(tile)).subarray(1)
    await assert.rejects(rootFromTiles(300, short), TlogError)
    const long: typeof readTile = async (tile) => Buffer.concat([await readTile(tile), emptyRoot])
    await assert.rejects(rootFromTiles(300, long), TlogError)
    const full: typeof readTile = async (tile) =>
      tile.level === 0 ? readTile({ ...tile, width: 256 }) : readTile(tile)
    assert.deepEqual(await rootFromTiles(300, full), rootOf(300))
  })
})

function flip(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = Math.floor(bit / 8) % copy.length
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8))
  return copy
}

function* wrongProofs(proof: readonly Buffer[], where: number, bit: number): Generator<Buffer[]> {
  yield [...proof, emptyRoot]
  yield [emptyRoot, ...proof]
  const at = proof.length === 0 ? -1 : where % proof.length
  const hash = proof[at]
  if (hash === undefined) return
  yield proof.toSpliced(at, 1)
  yield proof.toSpliced(at, 1, flip(hash, bit))
  yield proof.toSpliced(at, 1, hash.subarray(1))
  const other = proof[(at + 1) % proof.length]
  if (other !== undefined && !other.equals(hash)) {
    yield proof.with(at, other).with((at + 1) % proof.length, hash)
  }
}
