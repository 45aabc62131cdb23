// Passes a stream on, event by event, with back-pressure: whole events only, the first not before
// the intent is durable, the last kept back until the outcome is.
import { AirworthyError, asAirworthyError } from '../../core/errors.ts'
import { errorOf, markHeaders } from '../http/replies.ts'
import type { Dispatched, StreamSink, UpstreamReply } from '../upstream/dispatch.ts'
import { EventSplitter } from './event-splitter.ts'
import { decisionOf, type Forwarding } from './forwarding.ts'
import { findOutside, isRefused } from './outside-tools.ts'
import type { ReplyFindings, StreamScanner } from './wire.ts'

export class StreamRelay implements StreamSink {
  readonly #forwarding: Forwarding
  readonly #scanner: StreamScanner
  readonly #splitter = new EventSplitter()
  readonly #chunks: Buffer[] = []
  #dispatched: Dispatched | undefined
  #isDurable = false
  #hasHeaders = false
  /** Events that wait for the intent, then the last event that waits for the outcome. */
  #waiting: Buffer[] = []
  #last: Buffer[] = []
  /** Once the reply is refused nothing more of it goes on; the rest is read for its usage. */
  #isRefused = false

  constructor(forwarding: Forwarding) {
    this.#forwarding = forwarding
    this.#scanner = forwarding.input.wire.createScanner(forwarding.input.request)
    const { response } = forwarding
    response.on('drain', () => this.#dispatched?.resume())
  }

  attach(dispatched: Dispatched): void {
    this.#dispatched = dispatched
  }

  get hasStarted(): boolean {
    return this.#hasHeaders
  }

  get isComplete(): boolean {
    return this.#scanner.isComplete()
  }

  findings(): ReplyFindings {
    return this.#scanner.findings()
  }

  /** The reply as the upstream sent it. */
  body(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  accept(reply: UpstreamReply): boolean {
    const type = reply.headers['content-type'] ?? ''
    if (reply.status !== 200 || !type.startsWith('text/event-stream')) return false
    this.#forwarding.durable.then(
      () => this.#start(),
      () => undefined,
    )
    return true
  }

  write(chunk: Buffer): boolean {
    this.#chunks.push(chunk)
    const passed: Buffer[] = []
    try {
      for (const event of this.#splitter.push(chunk)) {
        const verdict = this.#last.length > 0 ? 'last' : this.#scanner.take(event.toString())
        if (verdict === 'last') this.#last.push(event)
        else if (verdict === 'pass' && !this.#refusesReply()) passed.push(event)
      }
    } catch (thrown) {
      const error =
        thrown instanceof AirworthyError
          ? thrown
          : new AirworthyError('upstream.invalid', asAirworthyError(thrown).message)
      this.#dispatched?.abort(error)
      return false
    }
    if (passed.length === 0) return true
    if (!this.#isDurable) {
      this.#waiting.push(...passed)
      return false
    }
    return this.#forwarding.response.write(Buffer.concat(passed))
  }

  #refusesReply(): boolean {
    if (this.#isRefused || this.#scanner.findings().toolNames.length === 0) return this.#isRefused
    const outside = findOutside(this.#forwarding, this.#scanner.findings())
    this.#isRefused = outside !== undefined && isRefused(this.#forwarding, outside)
    return this.#isRefused
  }

  /** The outcome is durable: the last event may go. */
  end(): void {
    this.#start()
    this.#forwarding.response.end(Buffer.concat(this.#last))
  }

  /** Ends the stream the way its wire ends one in an error. */
  endWithError(thrown: unknown): void {
    const { response, input } = this.#forwarding
    if (response.destroyed) return
    const { error } = errorOf(thrown)
    response.end(input.wire.errorEvent(error))
  }

  #start(): void {
    if (this.#isDurable) return
    this.#isDurable = true
    const { response, result } = this.#forwarding
    if (response.destroyed) return
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      ...markHeaders({ ...result, decision: decisionOf(result) }),
    })
    this.#hasHeaders = true
    response.flushHeaders()
    const waiting = this.#waiting
    this.#waiting = []
    if (waiting.length > 0) response.write(Buffer.concat(waiting))
    this.#dispatched?.resume()
  }
}
