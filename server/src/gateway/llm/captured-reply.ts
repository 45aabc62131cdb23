// A reply that is kept instead of sent: it may be judged before a client sees it, or never be seen.
import type { ModelApi } from '../../core/wires/model-api.ts'
import { collectStream } from '../../core/wires/translate.ts'
import { DetachedReply } from './detached-reply.ts'
import { EventSplitter } from './event-splitter.ts'
import { readData } from './wire.ts'

type Headers = Readonly<Record<string, string | number>>

export class CapturedReply extends DetachedReply {
  headers: Headers = {}
  readonly #chunks: Buffer[] = []

  override writeHead(status: number, headers: Headers = {}): void {
    super.writeHead(status)
    this.headers = headers
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#chunks.push(chunk)
    callback()
  }

  /** What was written so far; bounded by what an upstream's reply may be. */
  body(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

/** A reply as one JSON document, also where it came as a stream; undefined unless it is whole. */
export function wholeReply(
  api: ModelApi,
  reply: { readonly body: Buffer; readonly isStream: boolean },
): unknown {
  try {
    if (!reply.isStream || api === 'embeddings') return JSON.parse(reply.body.toString('utf8'))
    const collected = collectStream({ api })
    for (const event of new EventSplitter().push(reply.body)) {
      collected.push({ data: readData(event.toString('utf8')) })
    }
    return collected.reply()
  } catch {
    return undefined
  }
}
