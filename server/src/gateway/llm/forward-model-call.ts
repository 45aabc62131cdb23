// Steps 6 to 8 of a model call: dispatch, pass the reply on, settle. No byte reaches the client
// before the intent is durable, nor the last event of a reply before the outcome is.
import { type Amounts, noAmounts } from '../../core/budget/budget.ts'
import { AirworthyError, asAirworthyError } from '../../core/errors.ts'
import type { CompiledModel } from '../../core/pact/compiled.ts'
import type { Outcome, Settled } from '../../store/recorder/types.ts'
import type { Gateway } from '../gateway.ts'
import { errorOf, markHeaders, noRetry, sendJson } from '../http/replies.ts'
import { type DispatchEnd, dispatchUpstream, type UpstreamRequest } from '../upstream/dispatch.ts'
import { decisionOf, type Forwarding } from './forwarding.ts'
import { priceUsage } from './prepare-model-call.ts'
import { findOutside, isRefused } from './outside-tools.ts'
import { StreamRelay } from './stream-relay.ts'
import type { ReplyFindings } from './wire.ts'

const noBytes = Buffer.alloc(0)
/** A log that does not answer within this is a log that cannot be written. */
const settleTimeoutMs = 15_000
/** An attempt that never reached the upstream has used nothing; any other counts as a call. */
const oneCall: Amounts = { calls: 1n, tokens: 0n, nanoUsd: 0n }

export async function forwardModelCall(gateway: Gateway, forwarding: Forwarding): Promise<void> {
  const { input, prepared, response } = forwarding
  const { model } = prepared
  if (model === undefined) {
    await settleBounded(gateway, { ...outcomeOf(forwarding), state: 'failed', used: noAmounts })
    throw new AirworthyError('model.unknown', `the model ${input.request.model} is not enrolled`)
  }
  if (response.destroyed) {
    // The client left while the intent was written: its `close` was before our time.
    await forwarding.durable
    const { code } = clientGone()
    await settleBounded(gateway, {
      ...outcomeOf(forwarding),
      state: 'failed',
      code,
      used: noAmounts,
    })
    return
  }
  // Who did not ask for a stream is answered none.
  const relay = input.request.stream ? new StreamRelay(forwarding) : undefined
  const { pool, request } = upstreamOf(gateway, forwarding, model)
  const dispatched = dispatchUpstream(pool, request, relay)
  relay?.attach(dispatched)
  const onClose = (): void => {
    if (response.writableFinished) return
    dispatched.abort(clientGone())
  }
  response.on('close', onClose)
  const [end, durable] = await Promise.allSettled([
    dispatched.end,
    // A stream may run long; its end must not be what shows that the intent failed.
    forwarding.durable.catch((error: unknown) => {
      dispatched.abort(asAirworthyError(error))
      throw error
    }),
  ])
  // Without an intent there is nothing to settle: what was dispatched is covered by the lease.
  if (durable.status === 'rejected') throw durable.reason
  if (end.status === 'rejected') throw end.reason
  await finish(gateway, { forwarding, model, relay, end: end.value })
}

function clientGone(): AirworthyError {
  return new AirworthyError('client.closed', 'the client went away')
}

function upstreamOf(
  gateway: Gateway,
  forwarding: Forwarding,
  model: CompiledModel,
): { pool: ReturnType<Gateway['pools']['pool']>; request: UpstreamRequest } {
  const { input, clientHeaders } = forwarding
  const { wire } = input
  const { modelBaseUrl } = input.principal
  const base = gateway.pools.target(modelBaseUrl ?? model.baseUrl)
  // The provider's key is for the provider: an address that a session was given instead gets none.
  const isOwn = modelBaseUrl === undefined && model.apiKeyEnv !== undefined
  const apiKey = isOwn ? gateway.secretOf(model.apiKeyEnv) : undefined
  return {
    pool: gateway.pools.pool(base.origin),
    request: {
      path: `${base.path}${wire.upstreamPath}${base.search}`,
      headers: wire.upstreamHeaders(apiKey, clientHeaders),
      body: wire.prepareBody(input.body, input.request, model),
      timeoutMs: model.timeoutMs,
    },
  }
}

function outcomeOf(forwarding: Forwarding): Outcome {
  return {
    callId: forwarding.result.callId,
    state: 'done',
    code: undefined,
    usage: undefined,
    used: undefined,
    response: undefined,
    resolvedBy: undefined,
  }
}

type Finish = {
  readonly forwarding: Forwarding
  readonly model: CompiledModel
  readonly relay: StreamRelay | undefined
  readonly end: DispatchEnd
}

async function finish(gateway: Gateway, options: Finish): Promise<void> {
  const { end, relay, forwarding } = options
  try {
    if (end.kind === 'failed') await finishFailed(gateway, options, end)
    else if (end.kind === 'streamed') await finishStream(gateway, options)
    else if (end.reply.status >= 200 && end.reply.status < 300) {
      await finishReply(gateway, options, end)
    } else await passError(gateway, options, end)
  } catch (thrown) {
    if (relay?.hasStarted !== true) throw thrown
    relay.endWithError(thrown)
  } finally {
    gateway.inFlight.settled(forwarding.result.callId)
  }
}

async function finishReply(
  gateway: Gateway,
  options: Finish,
  end: DispatchEnd & { kind: 'collected' },
): Promise<void> {
  const { forwarding, model } = options
  const { input, result, response } = forwarding
  let findings: ReplyFindings
  try {
    findings = input.wire.readReply(end.body)
  } catch (thrown) {
    // It answered, so it may have billed: what it used is not known.
    await settleReply(gateway, options, { body: end.body, error: asAirworthyError(thrown) })
    throw thrown
  }
  const error = findOutside(forwarding, findings)
  await settleReply(gateway, options, { body: end.body, findings, error })
  if (error !== undefined && isRefused(forwarding, error)) throw error
  const usage = findings.usage && priceUsage(model, findings.usage)
  response.writeHead(end.reply.status, {
    'content-type': end.reply.headers['content-type'] ?? 'application/json',
    'content-length': end.body.length,
    ...markHeaders({ ...result, decision: decisionOf(result) }),
    ...(usage === undefined ? {} : { 'airworthy-cost-nano-usd': usage.nanoUsd.toString() }),
  })
  response.end(end.body)
}

async function finishStream(gateway: Gateway, options: Finish): Promise<void> {
  const { forwarding, relay } = options
  if (relay === undefined) throw new Error('a reply was streamed that nobody passes on')
  const findings = relay.findings()
  const interruption = relay.isComplete
    ? undefined
    : new AirworthyError('upstream.interrupted', 'the upstream ended the stream too early')
  const error = interruption ?? findOutside(forwarding, findings)
  await settleReply(gateway, options, { body: relay.body(), findings, error })
  if (error !== undefined && isRefused(forwarding, error)) throw error
  relay.end()
}

/** The upstream answered an error of its own: it goes to the client as it is. */
async function passError(
  gateway: Gateway,
  options: Finish,
  end: DispatchEnd & { kind: 'collected' },
): Promise<void> {
  const { forwarding } = options
  const { result, response } = forwarding
  const sealed = await gateway.vault.seal(forwarding.input.principal.endUser, end.body)
  await settleBounded(gateway, {
    ...outcomeOf(forwarding),
    state: 'failed',
    code: 'upstream.refused',
    used: oneCall,
    response: sealed,
  })
  const passed: Record<string, string> = {}
  for (const name of ['content-type', 'retry-after', 'x-should-retry', 'x-request-id']) {
    const value = end.reply.headers[name]
    if (typeof value === 'string') passed[name] = value
  }
  const marks = markHeaders({ ...result, decision: decisionOf(result) })
  response.writeHead(end.reply.status, { ...passed, 'content-length': end.body.length, ...marks })
  response.end(end.body)
}

async function finishFailed(
  gateway: Gateway,
  options: Finish,
  end: DispatchEnd & { kind: 'failed' },
): Promise<void> {
  const { forwarding, relay } = options
  const { code } = end.error
  if (end.neverSent) {
    await settleBounded(gateway, {
      ...outcomeOf(forwarding),
      state: 'failed',
      code,
      used: noAmounts,
    })
  } else {
    const findings = relay?.hasStarted === true ? relay.findings() : undefined
    await settleReply(gateway, options, {
      body: relay?.body() ?? noBytes,
      findings,
      error: end.error,
    })
  }
  if (relay?.hasStarted === true) {
    relay.endWithError(end.error)
    return
  }
  const { status, error } = errorOf(end.error)
  const marks = markHeaders({ ...forwarding.result, decision: decisionOf(forwarding.result) })
  // A model call has no effect on the world, so the client may try it again: no final refusal.
  const headers = code === 'client.closed' ? { ...noRetry, ...marks } : marks
  const body = forwarding.input.wire.errorBody(error)
  sendJson(forwarding.response, { status, body, headers })
}

async function settleReply(
  gateway: Gateway,
  options: Finish,
  reply: { body: Buffer; findings?: ReplyFindings | undefined; error?: AirworthyError | undefined },
): Promise<Settled> {
  const { forwarding, model } = options
  const usage = reply.findings?.usage
  const isWhole = reply.error === undefined || reply.error.code === 'policy.reply_denied'
  const sealed = await gateway.vault.seal(forwarding.input.principal.endUser, reply.body)
  return settleBounded(gateway, {
    ...outcomeOf(forwarding),
    // Usage that was not told is not zero: the reservation stays as unknown.
    state: usage === undefined ? 'unknown' : isWhole ? 'done' : 'failed',
    code: reply.error?.code,
    usage,
    used: usage && priceUsage(model, usage),
    response: sealed,
  })
}

async function settleBounded(gateway: Gateway, outcome: Outcome): Promise<Settled> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new AirworthyError('log.unavailable', 'the outcome cannot be written'))
    }, settleTimeoutMs)
  })
  try {
    return await Promise.race([gateway.recorder.settle(outcome), timeout])
  } finally {
    clearTimeout(timer)
  }
}
