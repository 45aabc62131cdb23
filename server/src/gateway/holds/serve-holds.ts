// GET /holds/{id}: an agent asks how a call of its own stands that is held, and may wait for it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AirworthyError } from '../../core/errors.ts'
import type { Gateway } from '../gateway.ts'
import { errorOf, noRetry, sendJson } from '../http/replies.ts'
import { overloadHeaders } from '../llm/admission.ts'
import { tellHold, waitSecondsMax } from './tell-hold.ts'

const fresh = { 'cache-control': 'no-store' }

export async function handleHold(
  gateway: Gateway,
  exchange: {
    readonly request: IncomingMessage
    readonly response: ServerResponse
    readonly sessionKey: string | undefined
    readonly holdId: string
  },
): Promise<void> {
  const { request, response, holdId } = exchange
  try {
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET')
      throw new AirworthyError('request.method_not_allowed', 'use GET')
    }
    const waitMs = readWaitMs(request.url)
    const principal = await gateway.identifier.identifyForList(request.headers, exchange.sessionKey)
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const told = await tellHold(gateway, { principal, holdId, waitMs, signal: gone.signal })
    sendJson(response, { status: 200, body: told, headers: fresh })
  } catch (thrown) {
    const { status, error } = errorOf(thrown)
    if (status >= 500) gateway.log('a hold could not be served', { code: error.code })
    const headers = { ...fresh, ...(overloadHeaders(error) ?? noRetry) }
    sendJson(response, { status, body: { error }, headers })
  }
}

/** Throws `request.invalid`. */
function readWaitMs(url = '/'): number {
  const text = new URL(url, 'http://gateway').searchParams.get('wait') ?? '0'
  const seconds = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN
  if (seconds <= waitSecondsMax) return seconds * 1000
  const message = `wait is a whole number of seconds, ${waitSecondsMax} at most`
  throw new AirworthyError('request.invalid', message)
}
