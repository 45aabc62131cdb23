// The life of a model call, from the request's bytes to the reply with its receipt.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { randomUUIDv7 } from 'node:crypto'
import { AirworthyError } from '../../core/errors.ts'
import type { IntentResult } from '../../store/recorder/types.ts'
import { describeDecision } from '../decision-text.ts'
import type { Gateway } from '../gateway.ts'
import {
  type CallMark,
  errorOf,
  markHeaders,
  noRetry,
  readBody,
  sendJson,
} from '../http/replies.ts'
import type { ReplyTarget } from './detached-reply.ts'
import { forwardModelCall } from './forward-model-call.ts'
import { decisionOf } from './forwarding.ts'
import {
  type ModelCallInput,
  type PreparedModelCall,
  prepareModelCall,
} from './prepare-model-call.ts'
import type { ModelWire } from './wire.ts'

const proposalsMax = 4
const inFlightWaitMs = 20_000

export async function handleModelCall(
  gateway: Gateway,
  wire: ModelWire,
  exchange: { request: IncomingMessage; response: ServerResponse; sessionKey: string | undefined },
): Promise<void> {
  const { request, response } = exchange
  try {
    const principal = await gateway.identifier.identify(
      request.headers,
      exchange.sessionKey,
      'models',
    )
    const body = await readBody(request, gateway.bodyBytesMax)
    const input: ModelCallInput = {
      callId: randomUUIDv7(),
      principal,
      wire,
      body,
      request: wire.readRequest(body),
      resume: undefined,
    }
    await runModelCall(gateway, input, exchange)
  } catch (thrown) {
    refuse(gateway, wire, response, thrown)
  }
}

export async function runModelCall(
  gateway: Gateway,
  input: ModelCallInput,
  exchange: { request: IncomingMessage; response: ReplyTarget },
): Promise<void> {
  const { response } = exchange
  const placed = await proposeModelCall(gateway, input)
  const { result, durable, prepared } = placed
  if (result.kind === 'proceed') {
    const clientHeaders = exchange.request.headers
    const forwarding = { input, prepared, result, durable, response, clientHeaders }
    try {
      await forwardModelCall(gateway, forwarding)
    } catch (thrown) {
      // Without a durable intent there is no receipt to give.
      await durable
      refuse(gateway, input.wire, response, thrown, { ...result, decision: decisionOf(result) })
    }
    return
  }
  if (result.kind === 'repeated') {
    await sendRepeat(gateway, input, { result, response })
    return
  }
  if (result.kind === 'held') {
    const detail = {
      held: true,
      id: result.holdId,
      until: new Date(result.untilMs).toISOString(),
      ...describeDecision(result.decision),
    }
    const message = `the call waits for a person: hold ${result.holdId}`
    const error = new AirworthyError('call.held', message, { detail })
    refuse(gateway, input.wire, response, error, { ...result, decision: 'hold' })
    return
  }
  if (result.kind === 'denied') {
    const description = describeDecision(result.decision)
    const error = new AirworthyError(result.code, description.message, { detail: description })
    refuse(gateway, input.wire, response, error, { ...result, decision: 'deny' })
    return
  }
  throw new AirworthyError('gateway.overloaded', 'the pact changes too often: try again')
}

/** Proposes until the answer stands: the pact may have changed, or the same call be in flight. */
export async function proposeModelCall(
  gateway: Gateway,
  input: ModelCallInput,
): Promise<{
  result: IntentResult
  durable: Promise<IntentResult>
  prepared: PreparedModelCall
}> {
  let hasWaited = false
  for (let attempt = 1; ; attempt += 1) {
    const prepared = await prepareModelCall(gateway, input, hasWaited)
    const { decided, durable } = gateway.recorder.propose(prepared.intent)
    const result = await decided
    if (attempt >= proposalsMax) return { result, durable, prepared }
    if (result.kind === 'stale') {
      gateway.pacts.correct(input.principal.versionId, result.pactId)
    } else if (result.kind === 'wait') {
      await gateway.inFlight.wait(result.ofCallId, inFlightWaitMs)
      hasWaited = true
    } else {
      return { result, durable, prepared }
    }
  }
}

/** The stored reply of a call that was held, approved and executed meanwhile. */
async function sendRepeat(
  gateway: Gateway,
  input: ModelCallInput,
  options: { result: IntentResult & { kind: 'repeated' }; response: ReplyTarget },
): Promise<void> {
  const { result, response } = options
  const stored = await gateway.vault.open(result.ofCallId, 2)
  if (stored === undefined) {
    throw new AirworthyError('call.unknown', 'the stored reply of this call is forgotten')
  }
  response.writeHead(200, {
    'content-type': input.request.stream ? 'text/event-stream' : 'application/json',
    'content-length': stored.length,
    ...markHeaders({ ...result, decision: 'allow' }),
    'airworthy-repeat-of': result.ofCallId,
  })
  response.end(stored)
}

function refuse(
  gateway: Gateway,
  wire: ModelWire,
  response: ReplyTarget,
  thrown: unknown,
  mark?: CallMark,
): void {
  const { status, error } = errorOf(thrown)
  if (status >= 500)
    gateway.log('a model call failed', { code: error.code, cause: causeOf(thrown) })
  const headers = { ...noRetry, ...(mark === undefined ? {} : markHeaders(mark)) }
  sendJson(response, { status, body: wire.errorBody(error), headers })
}

export function causeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const cause = thrown.cause instanceof Error ? `: ${thrown.cause.message}` : ''
  return `${thrown.message}${cause}`
}
