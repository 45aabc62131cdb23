// Passes a stream on, event by event, with back-pressure: whole events only, the first not before
// the intent is durable, the last kept back until the outcome is. Until the first event is passed
// on the client has seen nothing, and another attempt may take the call.
import { AirworthyError, asAirworthyError } from '../../core/errors.ts'
import { errorOf } from '../http/replies.ts'
import type { Dispatched, StreamSink, UpstreamReply } from '../upstream/dispatch.ts'
import { EventSplitter } from './event-splitter.ts'
import type { Forwarding, Route } from './forwarding.ts'
import { findOutside, isRefused } from './outside-tools.ts'
import { OutputGuard } from './output-guard.ts'
import { callHeaders, passedHeaders } from './reply-headers.ts'
import { translateStream, type EventTranslator } from './translation.ts'
import { type PartialUsage, readData, type ReplyFindings, type StreamScanner } from './wire.ts'

export class StreamRelay implements StreamSink {
  readonly #forwarding: Forwarding
  readonly #route: Route
  readonly #scanner: StreamScanner
  readonly #splitter = new EventSplitter()
  readonly #translator: EventTranslator | undefined
  readonly #guard: OutputGuard
  readonly #chunks: Buffer[] = []
  /** What is passed on of a stream that is translated. */
  readonly #translated: Buffer[] = []
  #dispatched: Dispatched | undefined
  #reply: UpstreamReply | undefined
  #isDurable = false
  #hasHeaders = false
  #hasEvents = false
  /** Events that wait for the intent, then the last event that waits for the outcome. */
  #waiting: Buffer[] = []
  #last: Buffer[] = []
  /** Once the reply is refused nothing more of it goes on; the rest is read for its usage. */
  #isRefused = false

  constructor(forwarding: Forwarding, route: Route) {
    const { input } = forwarding
    this.#forwarding = forwarding
    this.#route = route
    this.#scanner = route.wire.createScanner(input.request)
    this.#translator = route.wire === input.wire ? undefined : translateStream(forwarding, route)
    this.#guard = new OutputGuard(forwarding, {
      wire: route.wire,
      body: () => this.body(),
      onExceeded: (error) => this.#dispatched?.abort(error),
    })
  }

  attach(dispatched: Dispatched): void {
    this.#dispatched = dispatched
  }

  /** Whether the client has seen something of the stream. */
  get hasStarted(): boolean {
    return this.#hasHeaders
  }

  get isComplete(): boolean {
    return this.#scanner.isComplete()
  }

  /** The upstream's own words, where the stream told an error. */
  get failure(): string | undefined {
    return this.#scanner.failure()
  }

  findings(): ReplyFindings {
    return this.#scanner.findings()
  }

  /** At least so much was used by a stream that did not end. */
  partial(): Promise<PartialUsage> {
    return this.#guard.partial(this.#scanner.partial())
  }

  /** The reply as the upstream sent it. */
  body(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** The reply as its client gets it: what a repeat of the call is answered. */
  told(): Buffer {
    return this.#translator === undefined ? this.body() : Buffer.concat(this.#translated)
  }

  accept(reply: UpstreamReply): boolean {
    const type = reply.headers['content-type'] ?? ''
    if (reply.status !== 200 || !type.startsWith('text/event-stream')) return false
    this.#reply = reply
    this.#forwarding.durable.then(
      () => this.#setDurable(),
      () => undefined,
    )
    return true
  }

  write(chunk: Buffer): boolean {
    this.#chunks.push(chunk)
    const passed: Buffer[] = []
    try {
      for (const event of this.#splitter.push(chunk)) this.#take(event, passed)
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
    this.#start()
    return this.#send(passed)
  }

  /** The upstream has ended: some leave out the empty line after their last event. */
  endInput(): void {
    const rest = this.#splitter.rest()
    if (rest.length === 0 || this.#last.length > 0) return
    const passed: Buffer[] = []
    try {
      this.#take(Buffer.concat([rest, emptyLine]), passed)
    } catch {
      // An event that was cut off is none: the stream is not complete, and is ended so.
      return
    }
    // Only a last event can be whole without its end; of any other more was to come.
    if (this.#last.length > 0) this.#waiting.push(...passed)
  }

  #take(event: Buffer, passed: Buffer[]): void {
    const text = event.toString()
    const isAfterLast = this.#last.length > 0
    // A comment, which only keeps the connection alive, is no reason to give up other attempts.
    if (!this.#hasEvents && readData(text) === '') {
      this.#guard.skip(event.length)
      return
    }
    this.#hasEvents = true
    const taken = isAfterLast ? 'last' : this.#scanner.take(text)
    const verdict = typeof taken === 'object' ? 'pass' : taken
    if (verdict === 'pass') this.#guard.take(text, event.length)
    else this.#guard.skip(event.length)
    const isWithheld = verdict === 'pass' && this.#refusesReply()
    if (isWithheld || (verdict === 'withhold' && this.#translator === undefined)) return
    const target = verdict === 'last' ? this.#last : passed
    if (this.#translator === undefined) {
      target.push(typeof taken === 'object' ? Buffer.from(taken.pass) : event)
    } else if (this.failure === undefined) {
      // An error of another wire is told in the client's own.
      for (const one of this.#translator.push(text)) {
        const bytes = Buffer.from(one)
        target.push(bytes)
        this.#translated.push(bytes)
      }
      // The last event may say nothing on the client's wire; what comes after it is still last.
      if (verdict === 'last' && target.length === 0) target.push(noBytes)
    }
  }

  #send(events: Buffer[]): boolean {
    const { response } = this.#forwarding
    if (response.write(Buffer.concat(events))) return true
    response.once('drain', () => this.#dispatched?.resume())
    return false
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
    const { response } = this.#forwarding
    if (response.destroyed) return
    response.end(Buffer.concat([...this.#waiting, ...this.#last]))
    this.#waiting = []
  }

  /** Ends the stream the way its wire ends one in an error. */
  endWithError(thrown: unknown): void {
    const { response, input } = this.#forwarding
    if (response.destroyed) return
    // The upstream's own terminal error, on its own wire.
    if (this.failure !== undefined && this.#translator === undefined) {
      response.end(Buffer.concat(this.#last))
      return
    }
    const { error } = errorOf(thrown)
    response.end(input.wire.errorEvent(error))
  }

  #setDurable(): void {
    this.#isDurable = true
    const waiting = this.#waiting
    this.#waiting = []
    if (waiting.length > 0) {
      this.#start()
      if (!this.#send(waiting)) return
    }
    this.#dispatched?.resume()
  }

  #start(): void {
    const { response } = this.#forwarding
    if (this.#hasHeaders || response.destroyed) return
    const { endpoint, attempt } = this.#route
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      ...(this.#reply === undefined ? {} : passedHeaders(this.#reply.headers)),
      ...callHeaders(this.#forwarding, { endpoint: endpoint.name, attempts: attempt }),
    })
    this.#hasHeaders = true
  }
}

const noBytes = Buffer.alloc(0)
const emptyLine = Buffer.from('\n\n')
