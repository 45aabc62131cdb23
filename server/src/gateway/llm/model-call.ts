// The life of a model call, from the request's bytes to the reply with its receipt.
import { headers as headerNames } from '@airworthy/sdk'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { randomUUIDv7 } from 'node:crypto'
import { AirworthyError } from '../../core/errors.ts'
import type { CompiledModel } from '../../core/pact/compiled.ts'
import type { IntentResult } from '../../store/recorder/types.ts'
import { describeDecision } from '../decision-text.ts'
import type { Gateway } from '../gateway.ts'
import { pollPathOf } from '../holds/poll-path.ts'
import { type CallMark, markHeaders, readBody } from '../http/replies.ts'
import { answerFromCache, cachedVariant } from './cache/answer-from-cache.ts'
import { findCached } from './cache/find-cached.ts'
import { keepReply } from './cache/keep-reply.ts'
import { countHere } from './count-here.ts'
import type { ReplyTarget } from './detached-reply.ts'
import { forwardModelCall } from './forward-model-call.ts'
import { placeModelCall } from './place-model-call.ts'
import type { ModelCallInput, Variant } from './prepare-model-call.ts'
import { refuseModelCall } from './refuse-model-call.ts'
import { routeModelCall, runRouted } from './routing/route-model-call.ts'
import type { RunVariant } from './routing/routed.ts'
import type { ModelWire } from './wire.ts'

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
    const { pact } = await gateway.pacts.active(principal)
    const { agentId } = principal
    // Before the body is read: what waits for its turn holds no memory.
    const { concurrency: concurrencyMax } = pact.limits
    await gateway.admission.enter(agentId, { concurrencyMax, response, subject: principal })
    let leaveRoom: (() => void) | undefined
    try {
      leaveRoom = gateway.bodyRoom.take(request)
      const body = await readBody(request, gateway.bodyRoom.bytesMax)
      const input: ModelCallInput = {
        callId: randomUUIDv7(),
        principal,
        wire,
        body,
        request: wire.readRequest(body),
        resume: undefined,
        label: labelOf(request),
      }
      if (wire.countsOnly === true && (await countHere(gateway, input, response))) return
      await runModelCall(gateway, input, exchange)
    } finally {
      leaveRoom?.()
      gateway.admission.leave(agentId, response)
    }
  } catch (thrown) {
    refuseModelCall(gateway, { wire, response, thrown })
  }
}

export async function runModelCall(
  gateway: Gateway,
  input: ModelCallInput,
  exchange: { request: Pick<IncomingMessage, 'headers'>; response: ReplyTarget },
): Promise<void> {
  const run: RunVariant = (one, response, variant) =>
    runVariant(gateway, {
      input: one,
      response,
      variant,
      clientHeaders: exchange.request.headers,
      cached: loaded.pact.models.get(variant.modelName ?? one.request.model),
    })
  // What was held knows its model; any other call may name a route instead of one.
  const loaded = await gateway.pacts.active(input.principal)
  const routed = input.modelName === undefined ? routeModelCall(loaded, input) : undefined
  if (routed === undefined) await run(input, exchange.response, { modelName: input.modelName })
  else await runRouted(gateway, { input, response: exchange.response, routed, run })
}

/** One call with one model, to its end. */
async function runVariant(
  gateway: Gateway,
  call: {
    readonly input: ModelCallInput
    readonly response: ReplyTarget
    readonly variant: Variant
    readonly clientHeaders: IncomingHttpHeaders
    /** The model that is asked; a cache may answer instead, where it has one. */
    readonly cached: CompiledModel | undefined
  },
): Promise<void> {
  const { input, response, variant, clientHeaders, cached: model } = call
  const lookup =
    model?.cache === undefined
      ? undefined
      : await findCached(gateway, {
          input,
          model,
          headers: clientHeaders,
          run: (one, captured) =>
            runModelCall(gateway, one, { request: { headers: {} }, response: captured }),
        })
  const hit = lookup?.hit
  const { result, durable, prepared } = await placeModelCall(
    gateway,
    input,
    hit === undefined ? variant : cachedVariant(variant, hit),
  )
  if (result.kind === 'proceed') {
    using live = gateway.fence.enter(input.principal)
    const forwarding = { input, prepared, result, durable, response, clientHeaders, live }
    if (hit !== undefined) {
      await answerFromCache(gateway, forwarding, hit)
      return
    }
    const kept = lookup && keepReply(gateway, { input, lookup, response })
    await forwardModelCall(gateway, kept ? { ...forwarding, response: kept.response } : forwarding)
    kept?.keep()
    return
  }
  if (result.kind === 'repeated') {
    await sendRepeat(gateway, input, { result, response })
    return
  }
  refusePlaced(gateway, input, { result, response })
}

/** A call that the record does not let go on. */
function refusePlaced(
  gateway: Gateway,
  { wire }: ModelCallInput,
  { result, response }: { result: IntentResult; response: ReplyTarget },
): void {
  const answer = (error: AirworthyError, mark: CallMark): void =>
    refuseModelCall(gateway, { wire, response, thrown: error, mark })
  if (result.kind === 'held') {
    const detail = {
      held: true,
      id: result.holdId,
      until: new Date(result.untilMs).toISOString(),
      poll: pollPathOf(result.holdId),
      ...describeDecision(result.decision),
    }
    const message = `the call waits for a person: hold ${result.holdId}`
    const error = new AirworthyError('call.held', message, { detail })
    answer(error, { ...result, decision: 'hold' })
    return
  }
  if (result.kind === 'denied') {
    const description = describeDecision(result.decision)
    const error = new AirworthyError(result.code, description.message, { detail: description })
    answer(error, { ...result, decision: 'deny' })
    return
  }
  throw new AirworthyError('gateway.overloaded', 'the pact changes too often: try again')
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

const labelLengthMax = 64

/** A word of the client's for routing; what is no short word counts as none. */
function labelOf({ headers }: IncomingMessage): string | undefined {
  const label = headers[headerNames.label]
  return typeof label === 'string' && label.length <= labelLengthMax ? label : undefined
}
