// Cuts a byte stream into whole server-sent events. An event ends with an empty line.

const eventBytesMax = 8 * 1024 * 1024

export class EventSplitter {
  #rest: Buffer = Buffer.alloc(0)

  /** Gives the events that are whole now. Throws when one grows past the bound. */
  push(chunk: Buffer): Buffer[] {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const events: Buffer[] = []
    for (;;) {
      const end = findEnd(bytes)
      if (end === -1) break
      events.push(bytes.subarray(0, end))
      bytes = bytes.subarray(end)
    }
    if (bytes.length > eventBytesMax) throw new RangeError('a server-sent event is too long')
    this.#rest = bytes
    return events
  }

  /** What came after the last whole event. */
  rest(): Buffer {
    return this.#rest
  }
}

const lineFeed = 0x0a
const carriageReturn = 0x0d

function findEnd(bytes: Buffer): number {
  let at = 0
  for (;;) {
    const feed = bytes.indexOf(lineFeed, at)
    if (feed === -1) return -1
    if (bytes[feed + 1] === lineFeed) return feed + 2
    if (bytes[feed + 1] === carriageReturn && bytes[feed + 2] === lineFeed) return feed + 3
    at = feed + 1
  }
}
