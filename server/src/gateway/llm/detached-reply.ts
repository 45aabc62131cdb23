// Takes a reply that no client waits for: an approved call is executed from its row, and what it
// answers is stored with its outcome.
import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'

/** What forwarding needs of a reply; an HTTP response has it, and so has a detached one. */
export type ReplyTarget = Pick<
  Writable,
  'destroyed' | 'writableFinished' | 'write' | 'end' | 'on' | 'once' | 'off' | 'destroy'
> &
  Pick<ServerResponse, 'headersSent' | 'flushHeaders'> & {
    writeHead(status: number, headers: Record<string, string | number>): unknown
  }

export class DetachedReply extends Writable implements ReplyTarget {
  status = 0
  headersSent = false

  writeHead(status: number): void {
    this.status = status
    this.headersSent = true
  }

  flushHeaders(): void {
    // There is nobody to hurry for.
  }

  override _write(_chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    callback()
  }
}
