// What looks like chance in the fake's answers: a function of the seed and of what it is for.
import { createHash } from 'node:crypto'

export function digestOf(...parts: readonly (string | number)[]): Buffer {
  return createHash('sha256').update(parts.join('\0')).digest()
}

export function sha256Hex(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A number in [0, 1). */
export function drawOf(...parts: readonly (string | number)[]): number {
  return digestOf(...parts).readUInt32BE(0) / 2 ** 32
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** `length` letters and digits. */
export function lettersOf(length: number, ...parts: readonly (string | number)[]): string {
  let text = ''
  for (let block = 0; text.length < length; block += 1) {
    for (const byte of digestOf(block, ...parts)) text += letters[byte % letters.length] ?? ''
  }
  return text.slice(0, length)
}

export function hexOf(length: number, ...parts: readonly (string | number)[]): string {
  return sha256Hex(parts.join('\0')).slice(0, length)
}
