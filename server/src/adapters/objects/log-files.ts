// The files of one shard as a tree needs them. Below `<shard>/` lie `tile/...` and `checkpoint` as
// C2SP tlog-tiles has them, and `signed`, the last checkpoint that any integrator has signed.
import { AirworthyError } from '../../core/errors.ts'
import {
  type BundleId,
  bundlePath,
  cutTile,
  type ReadTile,
  type TileId,
  tileOfTree,
  tilePath,
  tileWidthMax,
} from '../../core/tlog/tiles.ts'
import { hashBytes } from '../../core/tlog/tree.ts'
import type { ObjectStore } from './object-store.ts'

export type LogFiles = {
  readonly store: ObjectStore
  /** `<shard>/<path>`: how the store calls a file of the log. */
  readonly nameOf: (path: string) => string
  /** The tile, or the full one where the partial one is gone. Throws `log.storage`. */
  readonly readTile: (tile: TileId) => Promise<Buffer>
  readonly readBundle: (bundle: BundleId) => Promise<Buffer>
}

export const checkpointPath = 'checkpoint'
export const signedPath = 'signed'

export function logFiles(store: ObjectStore, shard: string): LogFiles {
  const nameOf = (path: string): string => `${shard}/${path}`
  const readEither = async (path: string, full: string): Promise<Buffer> => {
    const found = (await store.read(nameOf(path))) ?? (await store.read(nameOf(full)))
    if (found !== undefined) return found.bytes
    throw new AirworthyError('log.storage', `${store.name}: ${nameOf(path)} is missing`)
  }
  return {
    store,
    nameOf,
    readTile: (tile) => readEither(tilePath(tile), tilePath({ ...tile, width: tileWidthMax })),
    readBundle: (bundle) =>
      readEither(bundlePath(bundle), bundlePath({ ...bundle, width: tileWidthMax })),
  }
}

/** Tiles of any smaller tree, cut from the files of the tree of `size`. */
export function tilesOf(files: LogFiles, size: number): ReadTile {
  return async (id) => {
    const stored = tileOfTree(size, id)
    return cutTile(await files.readTile(stored), stored).subarray(0, id.width * hashBytes)
  }
}
