// Where the published log lies: tiles and entry bundles, which are written once, and the checkpoint,
// which moves. A directory and S3-compatible storage do it.

import { AirworthyError } from '../../core/errors.ts'

/** An object with the mark that a later `replace` must name. */
export type StoredObject = {
  readonly bytes: Buffer
  /** Changes whenever the bytes do. */
  readonly version: string
}

export type WriteOptions = {
  /**
   * The object is final, and is kept as long as the store's retention says. What is not final, such
   * as a partial tile, is written again under other names and may be removed.
   */
  readonly isFinal: boolean
}

export type Removal = {
  /** Objects, or versions of objects, that are gone. */
  readonly removed: number
  /** Nothing is left below the path. */
  readonly isDone: boolean
  /** What the store says where it keeps an object: Object Lock, a file system that forbids it. */
  readonly refusal: string | undefined
}

export type ObjectStore = AsyncDisposable & {
  /** For people: which directory, which bucket. */
  readonly name: string
  /** Undefined where there is no such object. Throws `log.storage` on anything else. */
  readonly read: (path: string) => Promise<StoredObject | undefined>
  /**
   * Writes an object that never changes; it is durable when this resolves. Writing the same bytes
   * again is no error. Throws `log.storage`, also when the disk is full, and `log.forked` where a
   * final object is stored with other bytes.
   */
  readonly write: (path: string, bytes: Uint8Array, options: WriteOptions) => Promise<void>
  /**
   * Replaces an object if it is still at `expected` (undefined: if there is none): compare and swap.
   * False where somebody else was faster. Durable when it resolves.
   */
  readonly replace: (
    path: string,
    bytes: Uint8Array,
    expected: string | undefined,
  ) => Promise<boolean>
  /** Removes what is not final; an object that is not there is no error. */
  readonly remove: (path: string) => Promise<void>
  /**
   * Removes for good, every version of it, what lies below a path, also what is final: at most `limit`
   * objects, in an order of the store's own. Durable when it resolves. Throws `log.storage` on
   * anything but a refusal.
   */
  readonly removeBelow: (path: string, options: { readonly limit: number }) => Promise<Removal>
}

/** No object of a log is larger: a bundle is 256 entries of at most 1 KB, and their lengths. */
export const objectBytesMax = 512 * 1024

const partName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const partsMax = 12

/** Whether the path is one of a log's: it can name nothing outside its store. */
export function isObjectPath(path: string): boolean {
  const parts = path.split('/')
  return parts.length <= partsMax && parts.every((part) => partName.test(part))
}

/** A tile that is stored is part of a tree that was signed; another one belongs to another tree. */
export function storedOtherwise(path: string): AirworthyError {
  return new AirworthyError(
    'log.forked',
    `${path} is stored with other bytes than this log has there. ` +
      'Two logs write to one place, or the database is not the one that the log was made from.',
  )
}
