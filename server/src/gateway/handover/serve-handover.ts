// GET /handover, below the address of a session: its agent asks how the handover stands.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AirworthyError } from '../../core/errors.ts'
import type { Gateway } from '../gateway.ts'
import { errorOf, noRetry, sendJson } from '../http/replies.ts'
import { overloadHeaders } from '../llm/admission.ts'
import { tellHandover } from './tell-handover.ts'

export const agentHandoverPath = /^\/handover\/?$/

const waitSecondsMax = 60
const versionMax = 2 ** 31 - 1

export async function handleHandover(
  gateway: Gateway,
  exchange: {
    readonly request: IncomingMessage
    readonly response: ServerResponse
    readonly sessionKey: string | undefined
  },
): Promise<void> {
  const { request, response, sessionKey } = exchange
  const leaving = new AbortController()
  response.once('close', () => leaving.abort())
  try {
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET')
      throw new AirworthyError('request.method_not_allowed', 'use GET')
    }
    const { sessionId } = await gateway.identifier.identifyForList(request.headers, sessionKey)
    const query = new URL(request.url ?? '/', 'http://gateway').searchParams
    const waitMs = (wholeNumber(query, 'wait', waitSecondsMax) ?? 0) * 1000
    const version = wholeNumber(query, 'version', versionMax)
    const { signal } = leaving
    const body = await tellHandover(gateway, { sessionId, waitMs, version, signal })
    sendJson(response, { status: 200, body, headers: { 'cache-control': 'no-store' } })
  } catch (thrown) {
    const { status, error } = errorOf(thrown)
    if (status >= 500) gateway.log('a handover could not be served', { code: error.code })
    sendJson(response, { status, body: { error }, headers: overloadHeaders(error) ?? noRetry })
  }
}

function wholeNumber(query: URLSearchParams, name: string, max: number): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (/^\d{1,10}$/.test(text) && Number(text) <= max) return Number(text)
  throw new AirworthyError('request.invalid', `${name}: a whole number of at most ${max}`)
}
