// Fragments as they are stored: six bytes of an HMAC each, under a key of the session. Nobody without
// the key can tell a word from them, and those of two sessions cannot be compared.
import { createHmac } from 'node:crypto'

const digestBytes = 6

export function digestFragment(key: Buffer, fragment: string): number {
  return createHmac('sha256', key).update(fragment).digest().readUIntBE(0, digestBytes)
}

export function packDigests(digests: readonly number[]): Buffer {
  const packed = Buffer.alloc(digests.length * digestBytes)
  for (const [index, digest] of digests.entries()) {
    packed.writeUIntBE(digest, index * digestBytes, digestBytes)
  }
  return packed
}

/** Which of the wanted fragments lie in the packed digests; `wanted` is by digest. */
export function findFragments(
  packed: Buffer,
  wanted: ReadonlyMap<number, string>,
  onFound: (fragment: string) => void,
): void {
  for (let at = 0; at + digestBytes <= packed.length; at += digestBytes) {
    const fragment = wanted.get(packed.readUIntBE(at, digestBytes))
    if (fragment !== undefined) onFound(fragment)
  }
}
