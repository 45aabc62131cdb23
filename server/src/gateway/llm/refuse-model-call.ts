// How a model call is refused: in the shape of its client's wire, and never to be retried blindly.
import type { Gateway } from '../gateway.ts'
import { type CallMark, errorOf, markHeaders, noRetry, sendJson } from '../http/replies.ts'
import { overloadHeaders } from './admission.ts'
import type { ReplyTarget } from './detached-reply.ts'
import type { ModelWire } from './wire.ts'

export function refuseModelCall(
  gateway: Gateway,
  options: {
    readonly wire: ModelWire
    readonly response: ReplyTarget
    readonly thrown: unknown
    readonly mark?: CallMark | undefined
  },
): void {
  const { wire, response, thrown, mark } = options
  const { status, error } = errorOf(thrown)
  if (status >= 500)
    gateway.log('a model call failed', { code: error.code, cause: causeOf(thrown) })
  const retry = overloadHeaders(error) ?? noRetry
  const headers = { ...retry, ...(mark === undefined ? {} : markHeaders(mark)) }
  sendJson(response, { status, body: wire.errorBody(error), headers })
}

export function causeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const cause = thrown.cause instanceof Error ? `: ${thrown.cause.message}` : ''
  return `${thrown.message}${cause}`
}
