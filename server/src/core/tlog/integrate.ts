// Grows a log by a batch of entries: from the right edge of the tree and the new entries it makes the
// tiles and bundles to write and the tree's new right edge. It keeps O(log n) tiles and one bundle,
// and it is deterministic: the same entries give the same files, so writing them twice does no harm.
import { formatBundleEntry, parseBundle } from './bundle.ts'
import { TlogError } from './fault.ts'
import {
  type BundleId,
  bundlePath,
  cutTile,
  edgeTiles,
  levelWidth,
  type ReadTile,
  tileHashes,
  tilePath,
  tileRoot,
  tileWidthMax,
} from './tiles.ts'
import { assertTreeSize, emptyRoot, leafHash, merkleRoot, nodeHash } from './tree.ts'

/** The right edge of a tree: all that is needed to make it grow. */
export type TreeEdge = {
  /** How many leaves the tree has. */
  readonly size: number
  /** By level: the bytes of the partial tile there, empty where the last tile is full. */
  readonly tiles: readonly Buffer[]
  /** The bytes of the partial entry bundle, empty where the last bundle is full. */
  readonly bundle: Buffer
}

/** One file of the log, below its prefix. A full one never changes; a partial one is never reused. */
export type LogFile = {
  readonly path: string
  readonly bytes: Buffer
  readonly isPartial: boolean
}

export type Extended = {
  readonly edge: TreeEdge
  /** To be durable before a checkpoint of this size is signed. Bundles come before the tiles. */
  readonly files: readonly LogFile[]
}

/** `root` is of the tree of `edge.size`. */
export type Integrated = Extended & { readonly root: Buffer }

/** What one call takes at most: the files of a batch are all in memory at once. */
export const integrateEntriesMax = 65_536

export const emptyEdge: TreeEdge = { size: 0, tiles: [], bundle: Buffer.alloc(0) }

/**
 * Appends `entries` (each at most 65,535 bytes; their leaf hashes are computed here). Partial files are
 * made for the size after the batch only, so every size that gets a checkpoint must end a batch.
 */
export function integrate(edge: TreeEdge, entries: readonly Uint8Array[]): Integrated {
  const extended = extendEdge(edge, entries)
  return { ...extended, root: edgeRoot(extended.edge) }
}

/** As `integrate`, for a batch after which nobody asks for the root. */
export function extendEdge(edge: TreeEdge, entries: readonly Uint8Array[]): Extended {
  if (entries.length > integrateEntriesMax) {
    throw new TlogError('too_large', `${entries.length} entries are too many for one batch`)
  }
  const size = edge.size + entries.length
  assertTreeSize(size)
  const bundles = appendEntries(edge, entries)
  const levels = appendHashes(edge, entries.map(leafHashOf))
  return {
    edge: { size, tiles: levels.tiles, bundle: bundles.last },
    files: [...bundles.files, ...levels.files],
  }
}

function leafHashOf(entry: Uint8Array): Buffer {
  return leafHash(Buffer.from(entry.buffer, entry.byteOffset, entry.length))
}

function appendEntries(edge: TreeEdge, entries: readonly Uint8Array[]) {
  const files: LogFile[] = []
  let parts: Buffer[] = edge.bundle.length > 0 ? [edge.bundle] : []
  let index = Math.floor(edge.size / tileWidthMax)
  let width = edge.size % tileWidthMax
  for (const entry of entries) {
    parts.push(formatBundleEntry(entry))
    width += 1
    if (width < tileWidthMax) continue
    files.push(bundleFile({ index, width }, Buffer.concat(parts)))
    parts = []
    index += 1
    width = 0
  }
  const last = Buffer.concat(parts)
  if (width > 0 && entries.length > 0) files.push(bundleFile({ index, width }, last))
  return { files, last }
}

function bundleFile(bundle: BundleId, bytes: Buffer): LogFile {
  return { path: bundlePath(bundle), bytes, isPartial: bundle.width < tileWidthMax }
}

/** Appends hashes to level 0, the roots of the tiles that this fills to level 1, and so on. */
function appendHashes(edge: TreeEdge, leaves: readonly Buffer[]) {
  const files: LogFile[] = []
  const tiles: Buffer[] = []
  let hashes = leaves
  for (let level = 0; level < edge.tiles.length || hashes.length > 0; level += 1) {
    const grown = appendToLevel({ edge, level, hashes })
    files.push(...grown.files)
    tiles.push(grown.last)
    hashes = grown.roots
  }
  return { files, tiles }
}

type LevelGrowth = {
  readonly files: LogFile[]
  readonly last: Buffer
  readonly roots: readonly Buffer[]
}

function appendToLevel(options: {
  readonly edge: TreeEdge
  readonly level: number
  readonly hashes: readonly Buffer[]
}): LevelGrowth {
  const { edge, level, hashes } = options
  const files: LogFile[] = []
  const roots: Buffer[] = []
  const old = edge.tiles[level] ?? Buffer.alloc(0)
  if (hashes.length === 0) return { files, last: old, roots }
  const all = [...tileHashes(old), ...hashes]
  let index = Math.floor(levelWidth(edge.size, level) / tileWidthMax)
  let last = Buffer.alloc(0)
  for (let from = 0; from < all.length; from += tileWidthMax) {
    const bytes = Buffer.concat(all.slice(from, from + tileWidthMax))
    const width = Math.min(tileWidthMax, all.length - from)
    const isPartial = width < tileWidthMax
    files.push({ path: tilePath({ level, index, width }), bytes, isPartial })
    if (isPartial) last = bytes
    else roots.push(tileRoot(bytes))
    index += 1
  }
  return { files, last, roots }
}

/** The root of the tree: the partial tiles from the lowest level up, each to the right of the next. */
export function edgeRoot(edge: TreeEdge): Buffer {
  let root: Buffer | undefined
  for (const tile of edge.tiles) {
    if (tile.length === 0) continue
    const peaks = perfectRoots(tileHashes(tile))
    for (const peak of peaks.toReversed()) root = root === undefined ? peak : nodeHash(peak, root)
  }
  return root ?? emptyRoot
}

/** The roots of the perfect subtrees that a row of hashes splits into, widest and leftmost first. */
function perfectRoots(hashes: readonly Buffer[]): Buffer[] {
  const peaks: Buffer[] = []
  let from = 0
  for (let width = tileWidthMax / 2; width >= 1; width /= 2) {
    if (hashes.length - from < width) continue
    peaks.push(merkleRoot(hashes.slice(from, from + width)))
    from += width
  }
  return peaks
}

/**
 * Reads the right edge of a tree of `size` back from its files. The files are not trusted: compare
 * `edgeRoot` of the result with the root of the last signed checkpoint, and the bundle is compared
 * with the leaf hashes here. Throws `TlogError` where they do not fit the size.
 */
export async function readEdge(options: {
  readonly size: number
  readonly readTile: ReadTile
  readonly readBundle: (bundle: BundleId) => Promise<Uint8Array>
}): Promise<TreeEdge> {
  const { size, readTile, readBundle } = options
  const tiles: Buffer[] = []
  for (const id of edgeTiles(size)) {
    while (tiles.length < id.level) tiles.push(Buffer.alloc(0))
    tiles.push(Buffer.from(cutTile(await readTile(id), id)))
  }
  const width = size % tileWidthMax
  if (width === 0) return { size, tiles, bundle: Buffer.alloc(0) }
  const id = { index: Math.floor(size / tileWidthMax), width }
  const entries = parseBundle(await readBundle(id), width)
  const hashes = Buffer.concat(entries.map(leafHash))
  if (!hashes.equals(tiles[0] ?? Buffer.alloc(0))) {
    throw new TlogError('tile_invalid', `bundle ${id.index} does not hash to its tile`)
  }
  return { size, tiles, bundle: Buffer.concat(entries.map(formatBundleEntry)) }
}
