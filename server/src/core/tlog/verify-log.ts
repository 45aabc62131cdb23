// Reads a whole log and checks every file of it against a checkpoint: the entries are hashed again,
// and each tile must be exactly what they give. Memory stays at O(log n) tiles and one bundle.
import { parseBundle } from './bundle.ts'
import { TlogError } from './fault.ts'
import { edgeRoot, emptyEdge, extendEdge, type TreeEdge } from './integrate.ts'
import {
  type BundleId,
  bundlePath,
  cutTile,
  edgeTiles,
  parseResourcePath,
  type ReadTile,
  type TileId,
  tilePath,
  tileWidthMax,
} from './tiles.ts'
import { assertTreeSize } from './tree.ts'

export type LogVerdict =
  | { readonly kind: 'verified'; readonly entries: number }
  | {
      readonly kind: 'refused'
      /** The file that is wrong, below the log's prefix; absent where only the root differs. */
      readonly path?: string
      readonly message: string
    }

/**
 * `size` and `root` come from a checkpoint whose signatures were verified. `onEntries` gets the entries
 * of each bundle in order, before the root is known to be right: believe nothing of them before the
 * verdict. A reader that rejects (no such file, no storage) makes this reject with its error.
 */
export async function verifyLog(options: {
  readonly size: number
  readonly root: Uint8Array
  readonly readTile: ReadTile
  readonly readBundle: (bundle: BundleId) => Promise<Uint8Array>
  readonly onEntries?: (first: number, entries: readonly Buffer[]) => void | Promise<void>
}): Promise<LogVerdict> {
  const { size, root, readTile, readBundle, onEntries } = options
  assertTreeSize(size)
  let edge = emptyEdge
  while (edge.size < size) {
    const width = Math.min(tileWidthMax, size - edge.size)
    const bundle = { index: Math.floor(edge.size / tileWidthMax), width }
    const entries = readEntries(await readBundle(bundle), bundle)
    if (entries === undefined) return differs(bundlePath(bundle))
    await onEntries?.(edge.size, entries)
    const grown = extendEdge(edge, entries)
    for (const file of grown.files) {
      const resource = file.isPartial ? undefined : parseResourcePath(file.path)
      if (resource?.kind !== 'tile') continue
      if (!(await isTile(resource.tile, file.bytes, readTile))) return differs(file.path)
    }
    edge = grown.edge
  }
  const wrong = await findWrongEdge(edge, readTile)
  if (wrong !== undefined) return differs(tilePath(wrong))
  if (edgeRoot(edge).equals(root)) return { kind: 'verified', entries: size }
  return { kind: 'refused', message: 'the entries do not have the root of the checkpoint' }
}

function readEntries(bytes: Uint8Array, { width }: BundleId): Buffer[] | undefined {
  return unlessFaulty(() => parseBundle(bytes, width))
}

async function isTile(tile: TileId, expected: Buffer, readTile: ReadTile): Promise<boolean> {
  const bytes = await readTile(tile)
  return unlessFaulty(() => cutTile(bytes, tile))?.equals(expected) ?? false
}

async function findWrongEdge(edge: TreeEdge, readTile: ReadTile): Promise<TileId | undefined> {
  for (const tile of edgeTiles(edge.size)) {
    const expected = edge.tiles[tile.level] ?? Buffer.alloc(0)
    if (!(await isTile(tile, expected, readTile))) return tile
  }
  return undefined
}

function unlessFaulty<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof TlogError) return undefined
    throw error
  }
}

function differs(path: string): LogVerdict {
  return { kind: 'refused', path, message: `${path} is not what the entries give` }
}
