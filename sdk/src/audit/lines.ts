// Cuts a stream into lines, and hashes what was read in blocks for the seal.
import { type Bytes, concatBytes } from './bytes.ts'
import { bundleLineBytesMax, sealBlockBytes } from './bundle.ts'
import type { AuditCrypto } from './crypto.ts'
import { AuditFault } from './fault.ts'

const newline = 10

/** Lines without their newlines. Throws where the last one has none, or one is too long. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Bytes> {
  let parts: Uint8Array[] = []
  let held = 0
  for await (const chunk of chunks) {
    let from = 0
    for (;;) {
      const end = chunk.indexOf(newline, from)
      const to = end === -1 ? chunk.length : end
      if (held + to - from > bundleLineBytesMax)
        throw new AuditFault('format', 'a line is too long')
      parts.push(chunk.subarray(from, to))
      held += to - from
      if (end === -1) break
      yield concatBytes(parts)
      parts = []
      held = 0
      from = end + 1
    }
  }
  if (held > 0) throw new AuditFault('format', 'the last line is cut off')
}

/** SHA-256 over the digest before and the next 64 KiB, from 32 zero bytes on. */
export class BlockHash {
  readonly #crypto: AuditCrypto
  readonly #block = new Uint8Array(32 + sealBlockBytes)
  #filled = 32

  constructor(crypto: AuditCrypto) {
    this.#crypto = crypto
  }

  async add(bytes: Uint8Array): Promise<void> {
    let from = 0
    while (from < bytes.length) {
      const piece = bytes.subarray(from, from + this.#block.length - this.#filled)
      this.#block.set(piece, this.#filled)
      this.#filled += piece.length
      from += piece.length
      if (this.#filled === this.#block.length) await this.#close()
    }
  }

  async digest(): Promise<Bytes> {
    if (this.#filled > 32) await this.#close()
    return this.#block.slice(0, 32)
  }

  async #close(): Promise<void> {
    const digest = await this.#crypto.sha256(this.#block.slice(0, this.#filled))
    this.#block.set(digest, 0)
    this.#filled = 32
  }
}
