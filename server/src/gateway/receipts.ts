// GET /receipts/{call}: an agent follows the receipt of a call of its own to the signed promise and
// the proof. What it gets is what operators get: two entries, and no payload.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AirworthyError } from '../core/errors.ts'
import { findCall } from '../store/calls/calls.ts'
import type { Gateway } from './gateway.ts'
import { errorOf, noRetry, sendJson } from './http/replies.ts'

export const receiptsPath =
  /^\/receipts\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\/?$/

export async function handleReceipt(
  gateway: Gateway,
  exchange: {
    readonly request: IncomingMessage
    readonly response: ServerResponse
    readonly sessionKey: string | undefined
    readonly callId: string
  },
): Promise<void> {
  const { request, response, callId } = exchange
  try {
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET')
      throw new AirworthyError('request.method_not_allowed', 'use GET')
    }
    const principal = await gateway.identifier.identifyForList(request.headers, exchange.sessionKey)
    const call = await findCall(gateway.db, gateway.organisationId, callId)
    // Another agent's call is as unknown as none.
    if (call === undefined || call.agentId !== principal.agentId) {
      throw new AirworthyError('call.unknown', `this agent has no call ${callId}`)
    }
    const query = new URL(request.url ?? '/', 'http://gateway').searchParams
    if (query.get('format') === 'tlog-proof') {
      const of = query.get('of')
      const which = of === 'intent' || of === 'outcome' ? of : undefined
      const file = await gateway.receipts.proofFile(call, which)
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
      response.end(file)
      return
    }
    sendJson(response, { status: 200, body: await gateway.receipts.receipt(call) })
  } catch (thrown) {
    const { status, error } = errorOf(thrown)
    if (status >= 500) gateway.log('a receipt could not be served', { code: error.code })
    sendJson(response, { status, body: { error }, headers: noRetry })
  }
}
