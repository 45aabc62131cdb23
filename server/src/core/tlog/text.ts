// The few spellings that the C2SP text formats share. Each is read in exactly one way, so that nothing
// can be said twice with different bytes.
import { malformed, TlogError } from './fault.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const control = /[^\P{Cc}\n]/u

/** UTF-8 without control characters but for newline. `bytesMax` bounds what is looked at at all. */
export function readText(bytes: Uint8Array, bytesMax: number): string {
  if (bytes.length > bytesMax) {
    throw new TlogError('too_large', `${bytes.length} bytes are more than ${bytesMax}`)
  }
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    throw malformed('the text is not valid UTF-8')
  }
  if (control.test(text)) throw malformed('the text has a control character')
  return text
}

/** Standard base64 with its padding; undefined for every other spelling of the same bytes. */
export function readBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

/** A decimal without leading zeros that a tree size of ours can be; undefined for all else. */
export function readDecimal(text: string): number | undefined {
  if (!/^(?:0|[1-9]\d{0,15})$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}

/** One hash in base64, as proofs and checkpoints spell it. */
export function readHash(text: string): Buffer {
  const bytes = readBase64(text)
  if (bytes?.length === 32) return bytes
  throw malformed('a hash is not 32 bytes of base64')
}

export function writeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}
