// C2SP tlog-tiles entry bundles: up to 256 entries, each as its length (uint16, big-endian) and bytes.
import { TlogError } from './fault.ts'
import { tileWidthMax } from './tiles.ts'

/** What a length of 16 bits can say. */
export const bundleEntryBytesMax = 65_535
/** A full bundle of the longest entries. */
const bundleBytesMax: number = tileWidthMax * (2 + bundleEntryBytesMax)

/** One entry as it stands in a bundle. Throws where it is too long for the format. */
export function formatBundleEntry(entry: Uint8Array): Buffer {
  if (entry.length > bundleEntryBytesMax) {
    throw new TlogError('too_large', `an entry of ${entry.length} bytes fits no bundle`)
  }
  const length = Buffer.alloc(2)
  length.writeUInt16BE(entry.length)
  return Buffer.concat([length, entry])
}

/** The bundle's bytes for 1 to 256 entries. */
export function formatBundle(entries: readonly Uint8Array[]): Buffer {
  if (entries.length < 1 || entries.length > tileWidthMax) {
    throw new TlogError('out_of_range', `${entries.length} entries make no bundle`)
  }
  return Buffer.concat(entries.map(formatBundleEntry))
}

/**
 * The entries of a bundle, as views of its bytes. `width` is how many are wanted: a full bundle may
 * stand in for a partial one, as with tiles. Throws where the bytes hold fewer, end inside an entry,
 * or hold more than 256.
 */
export function parseBundle(bytes: Uint8Array, width: number): Buffer[] {
  if (bytes.length > bundleBytesMax) {
    throw new TlogError('too_large', `a bundle of ${bytes.length} bytes is too long`)
  }
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const entries: Buffer[] = []
  let at = 0
  while (at < view.length && entries.length <= tileWidthMax) {
    const end = at + 2 <= view.length ? at + 2 + view.readUInt16BE(at) : Infinity
    if (end > view.length) throw new TlogError('malformed', 'a bundle ends inside an entry')
    entries.push(view.subarray(at + 2, end))
    at = end
  }
  if (entries.length !== width && entries.length !== tileWidthMax) {
    throw new TlogError('tile_invalid', `a bundle does not have ${width} entries`)
  }
  return entries.slice(0, width)
}
