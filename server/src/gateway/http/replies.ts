// How the gateway answers: refusals in one shape, never retried blindly, and the headers that lead
// to the record.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import { type ErrorBody, headers } from '@airworthy/sdk'
import { AirworthyError, asAirworthyError, statusOf } from '../../core/errors.ts'
import { asUnreachable } from '../../store/unreachable.ts'
import { checkBody } from './body-check.ts'

export function errorOf(thrown: unknown): { status: number; error: ErrorBody['error'] } {
  const error = asUnreachable(thrown) ?? asAirworthyError(thrown)
  return {
    status: statusOf(error.code),
    error: {
      code: error.code,
      message: error.message,
      type: 'airworthy_error',
      page: `docs/errors/${error.code}.md`,
      ...(error.detail === undefined ? {} : { detail: error.detail }),
    },
  }
}

export type CallMark = {
  readonly callId: string
  readonly receipt: string
  readonly decision: string
}

export function markHeaders(mark: CallMark): Record<string, string> {
  return {
    [headers.call]: mark.callId,
    [headers.receipt]: mark.receipt,
    [headers.decision]: mark.decision,
  }
}

/** What answering in JSON needs; an HTTP response has it, and so has a detached reply. */
export type JsonTarget = Pick<Writable, 'destroyed' | 'destroy' | 'end'> &
  Pick<ServerResponse, 'headersSent'> & {
    writeHead(status: number, headers: Record<string, string | number>): unknown
  }

export function sendJson(
  response: JsonTarget,
  reply: { status: number; body: object; headers?: Record<string, string> },
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const bytes = Buffer.from(JSON.stringify(reply.body))
  response.writeHead(reply.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': bytes.length,
    ...reply.headers,
  })
  response.end(bytes)
}

/** The final refusal: official clients retry 408, 409, 429 and 5xx unless they are told not to. */
export const noRetry: Record<string, string> = { 'x-should-retry': 'false' }

const bodyTimeoutMs = 30_000

/**
 * Reads the whole body. Throws `request.too_large`, `request.timeout`, `request.invalid`, and
 * `signature.*` where it is not the one that was signed.
 */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0)
  const tooLarge = (): AirworthyError =>
    new AirworthyError('request.too_large', `the body passes ${bytesMax} bytes`, {
      detail: { bytesMax },
    })
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const fail = (error: AirworthyError): void => {
      clearTimeout(timer)
      // The rest is read and dropped, so that the client can hear the answer.
      request.removeAllListeners('data')
      request.resume()
      reject(error)
    }
    const timer = setTimeout(
      () => fail(new AirworthyError('request.timeout', 'the body did not arrive in time')),
      bodyTimeoutMs,
    )
    if (declared > bytesMax) {
      fail(tooLarge())
      return
    }
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > bytesMax) fail(tooLarge())
      else chunks.push(chunk)
    })
    request.on('end', () => {
      clearTimeout(timer)
      const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes)
      try {
        checkBody(request, body)
        resolve(body)
      } catch (thrown) {
        reject(asAirworthyError(thrown))
      }
    })
    request.on('error', (cause) =>
      fail(new AirworthyError('request.invalid', 'the body stopped in the middle', { cause })),
    )
    request.on('aborted', () =>
      fail(new AirworthyError('request.invalid', 'the client went away before the body ended')),
    )
  })
}
