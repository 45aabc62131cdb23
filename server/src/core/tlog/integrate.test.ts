import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { createMemoryLog } from '../../../test/tlog/memory-log.ts'
import { formatBundle, parseBundle } from './bundle.ts'
import { TlogError } from './fault.ts'
import { edgeRoot, emptyEdge, integrate, readEdge } from './integrate.ts'
import { edgeTiles, parseResourcePath, tilePath, tileWidthMax } from './tiles.ts'
import { emptyRoot, leafHash, merkleRoot } from './tree.ts'

const sizeMax = 2000
const entries = Array.from({ length: sizeMax }, (_, index) => Buffer.from(`entry ${index}`))
const leaves = entries.map(leafHash)

/** How a log of some size came to be: the sizes of its batches. */
const batches = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 6 }).filter((sizes) => {
  return sizes.reduce((sum, size) => sum + size, 0) <= sizeMax
})

function grow(sizes: readonly number[]) {
  const log = createMemoryLog()
  let edge = emptyEdge
  for (const size of sizes) edge = log.append(entries.slice(edge.size, edge.size + size))
  return { log, edge }
}

suite('integrate', () => {
  test('any batches give the tree, the tiles and the bundles of the same entries at once', () => {
    fc.assert(
      fc.property(batches, (sizes) => {
        const { log, edge } = grow(sizes)
        const atOnce = integrate(emptyEdge, entries.slice(0, edge.size))
        assert.deepEqual(edge, atOnce.edge)
        assert.deepEqual(edgeRoot(edge), merkleRoot(leaves.slice(0, edge.size)))
        assert.deepEqual(log.roots.get(edge.size), atOnce.root)
        for (const { path, bytes } of atOnce.files) assert.deepEqual(log.files.get(path), bytes)
      }),
      { numRuns: 40 },
    )
  })

  test('every size has the root of the tree made from scratch', () => {
    let edge = emptyEdge
    for (let size = 0; size < 520; size += 1) {
      assert.deepEqual(edgeRoot(edge), merkleRoot(leaves.slice(0, size)), String(size))
      edge = integrate(edge, entries.slice(size, size + 1)).edge
    }
  })

  test('the right edge is read back from the files of the last batch', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (sizes) => {
        const { log, edge } = grow(sizes)
        assert.deepEqual(await readEdge({ size: edge.size, ...log }), edge)
      }),
      { numRuns: 40 },
    )
  })

  test('a bundle that does not hash to its tile is not taken up', async () => {
    const { log } = grow([300])
    const bundle = Buffer.from(await log.readBundle({ index: 1, width: 44 }))
    bundle[5] = (bundle[5] ?? 0) ^ 1
    await assert.rejects(
      readEdge({ size: 300, readTile: log.readTile, readBundle: () => Promise.resolve(bundle) }),
      reason('tile_invalid'),
    )
  })

  test('the partial tiles of a checkpointed size are there, and no empty ones', () => {
    // The specification's example: 273 full and one partial tile, 1 full and 1 partial, 1 partial.
    const { files } = integrate(emptyEdge, Array(35_000).fill(Buffer.alloc(1)))
    const second = integrate(
      integrate(emptyEdge, Array(35_000).fill(Buffer.alloc(1))).edge,
      Array(35_000).fill(Buffer.alloc(1)),
    )
    const all = new Set([...files, ...second.files].map(({ path }) => path))
    for (const path of ['tile/0/273.p/112', 'tile/1/000', 'tile/1/001.p/17', 'tile/2/000.p/1']) {
      assert.ok(all.has(path), path)
    }
    assert.ok(![...all].some((path) => path.endsWith('.p/0')))
    assert.deepEqual(edgeTiles(70_000).map(tilePath), [
      'tile/0/273.p/112',
      'tile/1/001.p/17',
      'tile/2/000.p/1',
    ])
  })

  test('the tree of a full level-1 tile has one hash above it', () => {
    const { edge } = integrate(emptyEdge, Array(65_536).fill(Buffer.from('same')))
    assert.deepEqual(
      edge.tiles.map((tile) => tile.length),
      [0, 0, 32],
    )
    assert.deepEqual(edgeRoot(edge), edge.tiles[2])
  })

  test('nothing appended writes nothing', () => {
    assert.deepEqual(integrate(emptyEdge, []), { edge: emptyEdge, root: emptyRoot, files: [] })
    const { edge } = grow([300])
    assert.deepEqual(integrate(edge, []).files, [])
  })

  test('an entry longer than 65,535 bytes is refused', () => {
    assert.throws(() => integrate(emptyEdge, [Buffer.alloc(65_536)]), reason('too_large'))
    assert.equal(integrate(emptyEdge, [Buffer.alloc(65_535)]).edge.size, 1)
  })
})

suite('paths', () => {
  test('a path is read back as what it was written for', () => {
    const resource = fc.record(
      {
        level: fc.integer({ min: 0, max: 63 }),
        index: fc.oneof(fc.nat(), fc.maxSafeNat()),
        width: fc.integer({ min: 1, max: tileWidthMax }),
      },
      { noNullPrototype: true },
    )
    fc.assert(
      fc.property(resource, (tile) => {
        assert.deepEqual(parseResourcePath(tilePath(tile)), { kind: 'tile', tile })
      }),
    )
    assert.equal(tilePath({ level: 0, index: 1_234_067, width: 256 }), 'tile/0/x001/x234/067')
  })

  test('any other spelling is no path', () => {
    const wrong = [
      'tile/0/0',
      'tile/00/000',
      'tile/64/000',
      'tile/0/000.p/256',
      'tile/0/000.p/0',
      'tile/0/000.p/08',
      'tile/0/x000/000',
      'tile/0/000/001',
      'tile/0/x001/x002',
      'tile/entries/000.p/',
      'tile/-1/000',
      'tile/0/000\n',
      '/tile/0/000',
      'tile/0/../../checkpoint',
      `tile/0/${'x999/'.repeat(6)}999`,
    ]
    for (const path of wrong) assert.equal(parseResourcePath(path), undefined, path)
    assert.equal(parseResourcePath('tile/entries/x001/000.p/8')?.kind, 'bundle')
  })
})

suite('bundles', () => {
  test('entries come back as they went in', () => {
    const some = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 256 })
    fc.assert(
      fc.property(some, (list) => {
        const read = parseBundle(formatBundle(list), list.length)
        assert.deepEqual(
          read.map((entry) => [...entry]),
          list.map((entry) => [...entry]),
        )
      }),
    )
  })

  test('a cut, a longer and a shorter bundle are refused; a full one stands in for a part', () => {
    const bytes = formatBundle([Buffer.from('one'), Buffer.from('two')])
    assert.throws(() => parseBundle(bytes.subarray(0, -1), 2), reason('malformed'))
    assert.throws(() => parseBundle(Buffer.concat([bytes, Buffer.alloc(1)]), 2), TlogError)
    assert.throws(() => parseBundle(bytes, 1), reason('tile_invalid'))
    assert.throws(() => parseBundle(bytes, 3), reason('tile_invalid'))
    assert.throws(() => parseBundle(Buffer.alloc(2 * 257), 256), reason('tile_invalid'))
    assert.equal(parseBundle(Buffer.alloc(2 * 256), 7).length, 7)
    assert.throws(() => parseBundle(Buffer.alloc(256 * 65_537 + 1), 256), reason('too_large'))
  })
})

function reason(expected: TlogError['reason']) {
  return (error: unknown) => error instanceof TlogError && error.reason === expected
}
