// One request to a model upstream through undici's dispatch: the reply is either collected whole
// or handed on chunk by chunk, with back-pressure in both directions.
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher, Pool } from 'undici'
import { AirworthyError } from '../../core/errors.ts'
import type { LiveCall } from '../kill/fence.ts'

export const replyBytesMax = 32 * 1024 * 1024

export type UpstreamRequest = {
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: Buffer
  /** Longest wait for the whole reply. */
  readonly timeoutMs: number
  /** Longest wait for its head, and longest silence within it. */
  readonly firstByteTimeoutMs: number
  readonly idleTimeoutMs: number
}

export type UpstreamReply = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
}

/** Takes a reply that is streamed. `accept` may answer false: then the reply is collected. */
export type StreamSink = {
  readonly accept: (reply: UpstreamReply) => boolean
  /** Gives false when the sink is full; it calls `resume` when there is room. */
  readonly write: (chunk: Buffer) => boolean
}

export type DispatchEnd =
  | { readonly kind: 'collected'; readonly reply: UpstreamReply; readonly body: Buffer }
  | { readonly kind: 'streamed'; readonly reply: UpstreamReply }
  | {
      readonly kind: 'failed'
      readonly error: AirworthyError
      /** True when nothing can have reached the upstream. */
      readonly neverSent: boolean
      readonly startedReply: boolean
    }

export type Dispatched = {
  readonly end: Promise<DispatchEnd>
  readonly abort: (reason: AirworthyError) => void
  readonly pause: () => void
  readonly resume: () => void
}

/**
 * `onReply` hears the head of the reply as soon as it is there. `live` is asked when the request is
 * about to be written: what may not leave then does not, however long it waited for a connection.
 */
export function dispatchUpstream(
  pool: Pool,
  request: UpstreamRequest,
  options: {
    readonly live: LiveCall
    readonly sink: StreamSink | undefined
    readonly onReply?: (reply: UpstreamReply) => void
  },
): Dispatched {
  const { live, sink, onReply } = options
  const { promise, resolve } = Promise.withResolvers<DispatchEnd>()
  const { firstByteTimeoutMs, timeoutMs } = request
  const handler = new ReplyHandler({
    live,
    sink,
    onReply,
    resolve,
    // The limit of the whole reply is enough where it is no longer.
    firstByteTimeoutMs: firstByteTimeoutMs < timeoutMs ? firstByteTimeoutMs : undefined,
  })
  const timer = setTimeout(() => {
    handler.abort(tookTooLong())
  }, timeoutMs)
  const uncut = live.onCut((reason) => handler.abort(reason))
  const unwake = live.onWake(() => handler.wake())
  const end = promise.finally(() => {
    clearTimeout(timer)
    uncut()
    unwake()
  })
  try {
    pool.dispatch(
      {
        path: request.path,
        method: 'POST',
        headers: request.headers,
        body: request.body,
        // Undici's own timer may come half a second late.
        headersTimeout: 0,
        bodyTimeout: request.idleTimeoutMs,
      },
      handler,
    )
  } catch (cause) {
    handler.fail(
      new AirworthyError('upstream.unreachable', 'the upstream cannot be reached', { cause }),
    )
  }
  return {
    end,
    abort: (reason) => handler.abort(reason),
    pause: () => handler.pause(),
    resume: () => handler.resume(),
  }
}

class ReplyHandler implements Dispatcher.DispatchHandler {
  readonly #live: LiveCall
  readonly #sink: StreamSink | undefined
  readonly #onReply: ((reply: UpstreamReply) => void) | undefined
  readonly #resolve: (end: DispatchEnd) => void
  readonly #firstByteTimeoutMs: number | undefined
  #firstByteTimer: NodeJS.Timeout | undefined
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #controller: Dispatcher.DispatchController | undefined
  #reply: UpstreamReply | undefined
  #isStreaming = false
  #isEnded = false
  /** There is no lease: chunks that came nevertheless are kept, and passed on when there is one. */
  #isAsleep = false
  readonly #kept: Buffer[] = []
  #hasAllCome = false
  #abortReason: AirworthyError | undefined

  constructor(options: {
    live: LiveCall
    sink: StreamSink | undefined
    onReply: ((reply: UpstreamReply) => void) | undefined
    resolve: (end: DispatchEnd) => void
    firstByteTimeoutMs: number | undefined
  }) {
    this.#live = options.live
    this.#sink = options.sink
    this.#firstByteTimeoutMs = options.firstByteTimeoutMs
    this.#onReply = options.onReply
    this.#resolve = options.resolve
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    const refusal = this.#abortReason ?? this.#live.refusal()
    if (refusal !== undefined) {
      // Not a byte of it is written yet.
      this.fail(refusal, true)
      controller.abort(refusal)
      return
    }
    if (this.#firstByteTimeoutMs === undefined) return
    clearTimeout(this.#firstByteTimer)
    this.#firstByteTimer = setTimeout(() => this.abort(tookTooLong()), this.#firstByteTimeoutMs)
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return
    clearTimeout(this.#firstByteTimer)
    this.#reply = { status, headers }
    this.#onReply?.(this.#reply)
    this.#isStreaming = this.#sink?.accept(this.#reply) ?? false
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > replyBytesMax) {
      const message = `the upstream's reply passes ${replyBytesMax} bytes`
      this.abort(new AirworthyError('upstream.invalid', message))
      return
    }
    if (!this.#isStreaming) {
      this.#chunks.push(chunk)
      return
    }
    // Without a lease nobody knows whether it was stopped: the stream stands still until it is known.
    if (this.#isAsleep || this.#live.refusal() !== undefined) {
      this.#isAsleep = true
      this.#kept.push(chunk)
      controller.pause()
      return
    }
    if (this.#sink?.write(chunk) === false) controller.pause()
  }

  /** There is a lease again. */
  wake(): void {
    if (!this.#isAsleep) return
    this.#isAsleep = false
    let isFull = false
    for (const chunk of this.#kept.splice(0)) isFull = this.#sink?.write(chunk) === false
    if (this.#hasAllCome) this.onResponseEnd()
    else if (!isFull) this.resume()
  }

  onResponseEnd(): void {
    const reply = this.#reply
    if (this.#isEnded || reply === undefined) return
    this.#hasAllCome = true
    if (this.#isAsleep) return
    this.#isEnded = true
    this.#resolve(
      this.#isStreaming
        ? { kind: 'streamed', reply }
        : { kind: 'collected', reply, body: Buffer.concat(this.#chunks, this.#bytes) },
    )
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    this.fail(this.#abortReason ?? readFailure(cause, this.#reply !== undefined))
  }

  fail(error: AirworthyError, neverSent = error.code === 'upstream.unreachable'): void {
    if (this.#isEnded) return
    clearTimeout(this.#firstByteTimer)
    this.#isEnded = true
    const startedReply = this.#reply !== undefined
    this.#resolve({ kind: 'failed', error, neverSent, startedReply })
  }

  abort(reason: AirworthyError): void {
    this.#abortReason ??= reason
    // Undici has nothing to abort any more where all of it has come.
    if (this.#hasAllCome) this.fail(this.#abortReason)
    else if (this.#controller !== undefined) this.#controller.abort(this.#abortReason)
    // Not on a connection yet: undici has nothing to abort, and whoever waits must not hang. Once
    // it gets one, `onRequestStart` gives it up before a byte is written.
    else this.fail(this.#abortReason, true)
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    if (!this.#isEnded && !this.#isAsleep) this.#controller?.resume()
  }
}

function tookTooLong(cause?: Error): AirworthyError {
  return new AirworthyError('upstream.timeout', 'the upstream took too long to answer', { cause })
}

const neverSentCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

function readFailure(cause: Error, startedReply: boolean): AirworthyError {
  const code = 'code' in cause ? String(cause.code) : ''
  if (neverSentCodes.has(code)) {
    const message = `the upstream cannot be reached (${code})`
    return new AirworthyError('upstream.unreachable', message, { cause })
  }
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    return tookTooLong(cause)
  }
  if (code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return new AirworthyError('upstream.invalid', 'the upstream does not speak HTTP', { cause })
  }
  const message = startedReply
    ? 'the upstream stopped in the middle of its answer'
    : 'the upstream closed the connection before it answered'
  return new AirworthyError('upstream.interrupted', message, { cause })
}
