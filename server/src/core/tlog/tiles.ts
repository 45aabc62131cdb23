// C2SP tlog-tiles: the tree as files. A tile is up to 256 neighbouring hashes of one level; level 0
// holds leaf hashes, and each hash of level L + 1 is the root of a full tile of level L.
import { malformed, TlogError } from './fault.ts'
import { assertTreeSize, hashBytes, merkleRoot } from './tree.ts'

export const tileWidthMax = 256
export const tileHeight = 8
export const tileBytesMax: number = tileWidthMax * hashBytes

/** One tile: a partial one has a width below 256. */
export type TileId = { readonly level: number; readonly index: number; readonly width: number }

/** One entry bundle: the entries under the level-0 tile of the same index and width. */
export type BundleId = { readonly index: number; readonly width: number }

export type TileResource =
  | { readonly kind: 'tile'; readonly tile: TileId }
  | { readonly kind: 'bundle'; readonly bundle: BundleId }

/**
 * Gives the bytes of a tile: `32 x width`, or the full tile of 8,192 where the partial one is gone.
 * It rejects when neither is there.
 */
export type ReadTile = (tile: TileId) => Promise<Uint8Array>

/** `tile/0/x001/x234/067` or, partial, `tile/0/x001/x234/067.p/8`, below the log's prefix. */
export function tilePath({ level, index, width }: TileId): string {
  if (!Number.isInteger(level) || level < 0 || level > 63) {
    throw new TlogError('out_of_range', `${level} is no tile level`)
  }
  return `tile/${level}/${placePath({ index, width })}`
}

/** `tile/entries/x001/x234/067[.p/8]`, below the log's prefix. */
export function bundlePath(bundle: BundleId): string {
  return `tile/entries/${placePath(bundle)}`
}

function placePath({ index, width }: BundleId): string {
  assertTreeSize(index)
  if (!Number.isInteger(width) || width < 1 || width > tileWidthMax) {
    throw new TlogError('out_of_range', `${width} is no tile width`)
  }
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/\d{3}/g) ?? []
  const path = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
  return width === tileWidthMax ? path : `${path}.p/${width}`
}

const resourcePath =
  /^tile\/(?<level>entries|0|[1-9]\d?)\/(?<place>(?:x\d{3}\/){0,5}\d{3})(?:\.p\/(?<width>[1-9]\d{0,2}))?$/

/** Reads a path below the log's prefix. Undefined where it is not exactly as `tilePath` writes it. */
export function parseResourcePath(path: string): TileResource | undefined {
  const groups = resourcePath.exec(path)?.groups
  if (groups === undefined) return undefined
  const { level = '', place = '', width = String(tileWidthMax) } = groups
  const id = { index: Number(place.replaceAll(/\D/g, '')), width: Number(width) }
  if (!Number.isSafeInteger(id.index) || id.width > tileWidthMax) return undefined
  if (level === 'entries') {
    return bundlePath(id) === path ? { kind: 'bundle', bundle: id } : undefined
  }
  const tile = { level: Number(level), ...id }
  if (tile.level > 63) return undefined
  return tilePath(tile) === path ? { kind: 'tile', tile } : undefined
}

/** How many hashes a level has in a tree of `size`: the last tile has that modulo 256. */
export function levelWidth(size: number, level: number): number {
  return Math.floor(size / tileWidthMax ** level)
}

/** The tile as it stands in a tree of `size`. Throws where the tree has no hash there. */
export function tileOfTree(size: number, at: { level: number; index: number }): TileId {
  const width = Math.min(tileWidthMax, levelWidth(size, at.level) - at.index * tileWidthMax)
  if (width >= 1) return { ...at, width }
  throw new TlogError('out_of_range', `a tree of ${size} has no tile ${at.level}/${at.index}`)
}

/** Every partial tile of a tree of `size`, from level 0 upwards: its right edge. */
export function edgeTiles(size: number): TileId[] {
  assertTreeSize(size)
  const tiles: TileId[] = []
  for (let level = 0; levelWidth(size, level) > 0; level += 1) {
    const count = levelWidth(size, level)
    const width = count % tileWidthMax
    if (width > 0) tiles.push({ level, index: Math.floor(count / tileWidthMax), width })
  }
  return tiles
}

/** The bytes that a reader gave, cut to the tile's width. Throws where they are of another length. */
export function cutTile(bytes: Uint8Array, { level, index, width }: TileId): Buffer {
  if (bytes.length !== width * hashBytes && bytes.length !== tileBytesMax) {
    throw new TlogError('tile_invalid', `tile ${level}/${index} has ${bytes.length} bytes`)
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, width * hashBytes)
}

/** The hashes of a tile's bytes, as views of them. */
export function tileHashes(bytes: Uint8Array): Buffer[] {
  if (bytes.length % hashBytes !== 0) throw malformed('a tile has part of a hash')
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / hashBytes }, (_, at) =>
    view.subarray(at * hashBytes, (at + 1) * hashBytes),
  )
}

/** The root over the hashes of a tile: of a full one, its hash in the level above. */
export function tileRoot(bytes: Uint8Array): Buffer {
  return merkleRoot(tileHashes(bytes))
}
