// A log whose files are in memory, under the paths that they would have on disk.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { emptyEdge, integrate, type TreeEdge } from '../../src/core/tlog/integrate.ts'
import { createNoteKey, type NoteKeyType } from '../../src/core/tlog/note-key.ts'
import type { NoteSigner } from '../../src/core/tlog/signatures.ts'
import {
  type BundleId,
  bundlePath,
  type TileId,
  tilePath,
  tileWidthMax,
} from '../../src/core/tlog/tiles.ts'
import { emptyRoot, hashBytes } from '../../src/core/tlog/tree.ts'

export type MemoryLog = {
  readonly files: Map<string, Buffer>
  /** After each batch: the root, by size. */
  readonly roots: Map<number, Buffer>
  readonly append: (entries: readonly Uint8Array[]) => TreeEdge
  /** A tile of any size up to the log's: cut from the widest that is there. */
  readonly readTile: (tile: TileId) => Promise<Buffer>
  /** Only what was written under exactly this path. */
  readonly readBundle: (bundle: BundleId) => Promise<Buffer>
}

export function createMemoryLog(): MemoryLog {
  const files = new Map<string, Buffer>()
  const roots = new Map([[0, emptyRoot]])
  let edge = emptyEdge
  return {
    files,
    roots,
    append(entries) {
      const grown = integrate(edge, entries)
      for (const { path, bytes } of grown.files) {
        const before = files.get(path)
        if (before !== undefined && !before.equals(bytes)) throw new Error(`${path} was changed`)
        files.set(path, bytes)
      }
      edge = grown.edge
      roots.set(edge.size, grown.root)
      return edge
    },
    readTile(tile) {
      for (let width = tile.width; width <= tileWidthMax; width += 1) {
        const bytes = files.get(tilePath({ ...tile, width }))
        if (bytes !== undefined) return Promise.resolve(bytes.subarray(0, tile.width * hashBytes))
      }
      return Promise.reject(new Error(`there is no ${tilePath(tile)}`))
    },
    readBundle(bundle) {
      const bytes = files.get(bundlePath(bundle))
      if (bytes === undefined) return Promise.reject(new Error(`no ${bundlePath(bundle)}`))
      return Promise.resolve(bytes)
    },
  }
}

/** A signer with a fresh key, or with the Ed25519 seed that is given. */
export function createTestSigner(name: string, type: NoteKeyType, seed?: Uint8Array): NoteSigner {
  const secret = seed === undefined ? freshKey(type) : ed25519Secret(seed)
  const der = createPublicKey(secret).export({ format: 'der', type: 'spki' })
  const publicKey = der.subarray(type === 'ml-dsa-44-cosignature' ? -1312 : -32)
  return {
    key: createNoteKey({ name, type, publicKey }),
    sign: (message) => Promise.resolve(sign(null, message, secret)),
  }
}

function freshKey(type: NoteKeyType): KeyObject {
  const isMlDsa = type === 'ml-dsa-44-cosignature'
  const pair = isMlDsa ? generateKeyPairSync('ml-dsa-44') : generateKeyPairSync('ed25519')
  return pair.privateKey
}

function ed25519Secret(seed: Uint8Array): KeyObject {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
  return createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' })
}
