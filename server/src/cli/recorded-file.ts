// Files of recorded model calls, line by line; gzip is read as well.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type RecordedCall, readRecordedLine } from '../core/pricing/recorded-usage.ts'
import { UsageError } from './failure.ts'

const fileBytesMax = 4 * 1024 * 1024 * 1024
const lineCharactersMax = 64 * 1024 * 1024

/** The calls of a file, in its order. Throws UsageError with the line that cannot be read. */
export async function* readRecordedFile(path: string): AsyncGenerator<RecordedCall> {
  const source = createReadStream(path)
  const bytes = path.endsWith('.gz') ? pipeline(source, createGunzip(), () => undefined) : source
  const lines = createInterface({ input: bytes, crlfDelay: Infinity })
  let number = 0
  let size = 0
  try {
    for await (const line of lines) {
      number += 1
      size += line.length
      if (line.length > lineCharactersMax || size > fileBytesMax) {
        throw new SyntaxError(`line ${number} is too long, or the file is too large`)
      }
      if (line.trim() !== '') yield* readRecordedLine(line, number)
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError(`${path} cannot be read: ${why}`, { cause })
  } finally {
    // Whoever stops early wants to hear no more of the file, its being cut short included.
    lines.on('error', () => undefined).close()
    source.destroy()
  }
}
