// Bytes to lines, as they come. Each byte is looked at once, whatever the size of the pieces.

export class LineSplitter {
  readonly #bytesMax: number
  #pieces: Buffer[] = []
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The lines that this piece completes, without their ends; undefined once one is too long. */
  push(piece: Buffer): string[] | undefined {
    const lines: string[] = []
    let from = 0
    for (let end = piece.indexOf(10); end !== -1; end = piece.indexOf(10, from)) {
      this.#add(piece.subarray(from, end))
      if (this.#bytes > this.#bytesMax) return undefined
      lines.push(this.#takeLine())
      from = end + 1
    }
    this.#add(piece.subarray(from))
    return this.#bytes > this.#bytesMax ? undefined : lines
  }

  clear(): void {
    this.#pieces = []
    this.#bytes = 0
  }

  #add(part: Buffer): void {
    if (part.length === 0) return
    this.#pieces.push(part)
    this.#bytes += part.length
  }

  #takeLine(): string {
    const [only] = this.#pieces
    const line =
      this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces)
    this.clear()
    const text = line.toString('utf8')
    return text.endsWith('\r') ? text.slice(0, -1) : text
  }
}
