// One HTTP request and its whole reply, bounded in bytes and time. No redirect is followed.
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher, Pool } from 'undici'
import { AirworthyError } from '../../core/errors.ts'
import type { LiveCall } from '../kill/fence.ts'

/** Beyond this many, calls of one API are refused rather than queued. */
const openRequestsMax = 256

export type HttpRequest = {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With the query, as it goes on the wire. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

export type HttpReply = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Undefined when it passes the limit. */
  readonly body: Buffer | undefined
}

export type ExchangeEnd =
  | { readonly kind: 'reply'; readonly reply: HttpReply }
  /** `wasSent`: some of the request may have reached the API. */
  | { readonly kind: 'failed'; readonly error: AirworthyError; readonly wasSent: boolean }

export type ExchangeLimits = {
  readonly timeoutMs: number
  readonly replyBytesMax: number
  readonly signal?: AbortSignal | undefined
  /** Asked when the request is about to be written. */
  readonly live?: LiveCall | undefined
}

/** Never rejects. */
export async function exchange(
  pool: Pool,
  request: HttpRequest,
  limits: ExchangeLimits,
): Promise<ExchangeEnd> {
  if (pool.stats.size >= openRequestsMax) {
    const message = `${openRequestsMax} calls of this API are open`
    return failed(new AirworthyError('gateway.overloaded', message), false)
  }
  const { promise, resolve } = Promise.withResolvers<ExchangeEnd>()
  const collector = new ReplyCollector(limits, resolve)
  const timer = setTimeout(() => {
    collector.abort(new AirworthyError('upstream.timeout', 'the API did not answer in time'))
  }, limits.timeoutMs)
  const onAbort = (): void => {
    collector.abort(new AirworthyError('client.closed', 'the call was cancelled'))
  }
  limits.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    if (limits.signal?.aborted === true) onAbort()
    else dispatch(pool, { request, timeoutMs: limits.timeoutMs, collector })
    return await promise
  } finally {
    clearTimeout(timer)
    limits.signal?.removeEventListener('abort', onAbort)
  }
}

function dispatch(
  pool: Pool,
  options: { request: HttpRequest; timeoutMs: number; collector: ReplyCollector },
): void {
  const { request, timeoutMs, collector } = options
  const { method, path, headers, body } = request
  try {
    pool.dispatch(
      {
        method,
        path,
        headers: { ...headers },
        body: body ?? null,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      },
      collector,
    )
  } catch (cause) {
    const message = 'the request cannot be sent'
    collector.abort(new AirworthyError('upstream.unreachable', message, { cause }))
  }
}

function failed(error: AirworthyError, wasSent: boolean): ExchangeEnd {
  return { kind: 'failed', error, wasSent }
}

class ReplyCollector implements Dispatcher.DispatchHandler {
  readonly #bytesMax: number
  readonly #live: LiveCall | undefined
  readonly #resolve: (end: ExchangeEnd) => void
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #status = 0
  #headers: IncomingHttpHeaders = {}
  #controller: Dispatcher.DispatchController | undefined
  #reason: AirworthyError | undefined

  constructor(limits: ExchangeLimits, resolve: (end: ExchangeEnd) => void) {
    this.#bytesMax = limits.replyBytesMax
    this.#live = limits.live
    this.#resolve = resolve
  }

  /** undici calls it when the request is about to be written on a connection, and not before. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    const refusal = this.#live?.refusal()
    if (refusal !== undefined) {
      // Not a byte of it is written yet.
      this.abort(refusal)
      controller.abort(refusal)
      return
    }
    this.#controller = controller
    if (this.#reason !== undefined) controller.abort(this.#reason)
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes <= this.#bytesMax) {
      this.#chunks.push(chunk)
      return
    }
    // The status says what became of the call; only what it answered is lost.
    this.#reply(undefined)
    controller.abort(new Error('the reply is too long'))
  }

  onResponseEnd(): void {
    this.#reply(Buffer.concat(this.#chunks, this.#bytes))
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    this.#resolve(failed(this.#reason ?? readFailure(cause), this.#controller !== undefined))
  }

  abort(reason: AirworthyError): void {
    this.#reason ??= reason
    // A second answer is no answer: `resolve` takes the first one only.
    if (this.#controller === undefined) this.#resolve(failed(this.#reason, false))
    else this.#controller.abort(this.#reason)
  }

  #reply(body: Buffer | undefined): void {
    const reply = { status: this.#status, headers: this.#headers, body }
    this.#resolve({ kind: 'reply', reply })
  }
}

function readFailure(cause: Error): AirworthyError {
  if (cause instanceof AirworthyError) return cause
  const code = 'code' in cause ? String(cause.code) : ''
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    return new AirworthyError('upstream.timeout', 'the API did not answer in time', { cause })
  }
  if (code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return new AirworthyError('upstream.invalid', 'the API does not speak HTTP', { cause })
  }
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE') {
    const message = 'the API closed the connection before it had answered'
    return new AirworthyError('upstream.interrupted', message, { cause })
  }
  const message = `the API cannot be reached${code === '' ? '' : ` (${code})`}`
  return new AirworthyError('upstream.unreachable', message, { cause })
}
