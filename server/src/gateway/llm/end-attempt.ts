// What becomes of a call when an attempt has ended: it is answered, tried again as it is, or, where
// nobody knows what the attempt has used, settled as unknown and tried again as another call.
import { headers as headerNames } from '@airworthy/sdk'
import { AirworthyError, asAirworthyError } from '../../core/errors.ts'
import { replyAsStream } from '../../core/wires/translate.ts'
import type { Gateway } from '../gateway.ts'
import { errorOf, noRetry, sendJson } from '../http/replies.ts'
import type { DispatchEnd } from '../upstream/dispatch.ts'
import { type AttemptResult, readRetryAfter } from '../upstream/retry.ts'
import type { Course } from './course.ts'
import type { Forwarding } from './forwarding.ts'
import { findOutside, isRefused } from './outside-tools.ts'
import { priceUsage } from './pricing.ts'
import { callHeaders, passedHeaders } from './reply-headers.ts'
import { settleRefused, settleReply, settleUnused } from './settle-model-call.ts'
import type { StreamRelay } from './stream-relay.ts'
import { translateReplyBody } from './translation.ts'
import type { Attempt } from './try-attempt.ts'
import { upstreamError } from './upstream-error.ts'
import { parseReply, type ReplyFindings } from './wire.ts'

export type AttemptEnd =
  /** The client has its answer, or its stream has ended in an error. */
  | { readonly kind: 'answered' }
  /** Nothing was used: the same call may be tried again. */
  | { readonly kind: 'again' }
  /** It is settled as unknown. `giveUp` answers the client with the error, if nobody retries. */
  | { readonly kind: 'as-another'; readonly giveUp: () => void }

type Ending = {
  readonly forwarding: Forwarding
  readonly course: Course
  readonly attempt: Attempt
}

const answered: AttemptEnd = { kind: 'answered' }
/** Statuses that Retry-After belongs to; 529 is Anthropic's for being overloaded. */
const asksToWait = new Set([429, 503, 529])
const noBytes = Buffer.alloc(0)

export async function endAttempt(gateway: Gateway, ending: Ending): Promise<AttemptEnd> {
  const { end, relay } = ending.attempt
  try {
    if (end.kind === 'failed') return await endFailed(gateway, ending, end)
    if (end.kind === 'streamed') return await endStream(gateway, ending, relay)
    const { status } = end.reply
    if (status >= 200 && status < 300) return await endReply(gateway, ending, end)
    return await endRefused(gateway, ending, end)
  } catch (thrown) {
    if (relay?.hasStarted !== true) throw thrown
    relay.endWithError(thrown)
    return answered
  }
}

async function endReply(
  gateway: Gateway,
  ending: Ending,
  end: DispatchEnd & { kind: 'collected' },
): Promise<AttemptEnd> {
  const { forwarding, attempt } = ending
  const { input, response } = forwarding
  const { route, target } = attempt
  let findings: ReplyFindings
  let body: Buffer
  try {
    findings = route.wire.readReply(end.body)
    body = route.wire === input.wire ? end.body : translateReplyBody(forwarding, route, end.body)
    // Some answer a whole reply to who asked for a stream.
    if (input.request.stream) body = streamOf(input, body)
  } catch (thrown) {
    // It answered, so it may have billed: what it used is not known.
    const error = asAirworthyError(thrown)
    return endUnknown(gateway, ending, { body: end.body, error })
  }
  target.report({ kind: 'ok', firstByteMs: 0 })
  const error = findOutside(forwarding, findings)
  await settleReply(gateway, forwarding, { route, body, findings, error })
  if (error !== undefined && isRefused(forwarding, error)) throw error
  const { usage } = findings
  const cost = usage && priceUsage(route.endpoint, usage, findings.terms).nanoUsd
  response.writeHead(end.reply.status, {
    // It was read as such, and clients read it so only where it says so.
    'content-type': input.request.stream ? 'text/event-stream; charset=utf-8' : 'application/json',
    'content-length': body.length,
    ...passedHeaders(end.reply.headers),
    ...marksOf(ending),
    ...(cost === undefined ? {} : { [headerNames.cost]: cost.toString() }),
  })
  response.end(body)
  return answered
}

async function endStream(
  gateway: Gateway,
  ending: Ending,
  relay: StreamRelay | undefined,
): Promise<AttemptEnd> {
  const { forwarding, attempt } = ending
  if (relay === undefined) throw new Error('a reply was streamed that nobody passes on')
  relay.endInput()
  if (!relay.isComplete) {
    const message =
      relay.failure === undefined
        ? 'the upstream ended the stream too early'
        : `the upstream ended the stream in an error: ${relay.failure}`
    const error = new AirworthyError('upstream.interrupted', message)
    return endUnknown(gateway, ending, { body: relay.told(), error })
  }
  attempt.target.report({ kind: 'ok', firstByteMs: 0 })
  const { route } = attempt
  const findings = relay.findings()
  const error = findOutside(forwarding, findings)
  await settleReply(gateway, forwarding, { route, body: relay.told(), findings, error })
  if (error !== undefined && isRefused(forwarding, error)) throw error
  relay.end()
  return answered
}

/** The upstream answered an error of its own. */
async function endRefused(
  gateway: Gateway,
  ending: Ending,
  end: DispatchEnd & { kind: 'collected' },
): Promise<AttemptEnd> {
  const { forwarding, course, attempt } = ending
  const { response, input } = forwarding
  const { route, target } = attempt
  const { status, headers } = end.reply
  const result: AttemptResult = {
    kind: 'status',
    status,
    retryAfterMs: asksToWait.has(status) ? readRetryAfter(headers, Date.now()) : undefined,
    shouldRetry: headers['x-should-retry'] === 'false' ? false : undefined,
  }
  target.report(result)
  if (await course.mayRetry(result, response)) return { kind: 'again' }
  await settleRefused(gateway, forwarding, { route, body: end.body })
  const isSameWire = route.wire === input.wire
  // Nobody follows a redirection with a key in hand; to the client it would be one of ours.
  const told = status < 400 ? 502 : status
  const body = upstreamError(input.wire, { status, body: end.body, isSameWire })
  response.writeHead(told, {
    'content-type': 'application/json',
    'content-length': body.length,
    ...passedHeaders(headers),
    ...marksOf(ending),
  })
  response.end(body)
  return answered
}

async function endFailed(
  gateway: Gateway,
  ending: Ending,
  end: DispatchEnd & { kind: 'failed' },
): Promise<AttemptEnd> {
  const { forwarding, course, attempt } = ending
  const { error, neverSent } = end
  if (!neverSent) {
    return endUnknown(gateway, ending, { body: attempt.relay?.told() ?? noBytes, error })
  }
  const result = failureOf(error, true)
  attempt.target.report(result)
  if (await course.mayRetry(result, forwarding.response)) return { kind: 'again' }
  const { attempts } = course
  await settleUnused(gateway, forwarding, { code: error.code, attempts })
  answerError(ending, error)
  return answered
}

/** The request was sent and no whole reply came: it may have been billed. */
async function endUnknown(
  gateway: Gateway,
  ending: Ending,
  failed: { readonly body: Buffer; readonly error: AirworthyError },
): Promise<AttemptEnd> {
  const { forwarding, course, attempt } = ending
  const { relay, route, target } = attempt
  const { body, error } = failed
  const result = failureOf(error, false)
  target.report(result)
  const partial = await relay?.partial()
  const findings = relay?.findings()
  await settleReply(gateway, forwarding, { route, body, findings, partial, error })
  if (relay?.hasStarted === true) {
    relay.endWithError(error)
    return answered
  }
  const giveUp = (): void => answerError(ending, error)
  if (await course.mayRetry(result, forwarding.response)) return { kind: 'as-another', giveUp }
  giveUp()
  return answered
}

/** Codes that say nothing of the endpoint: the client left, or the gateway gave the call up. */
function failureOf(error: AirworthyError, neverSent: boolean): AttemptResult {
  const { code } = error
  return code.startsWith('upstream.') ? { kind: 'failed', code, neverSent } : { kind: 'cancelled' }
}

function answerError(ending: Ending, thrown: AirworthyError): void {
  const { input, response } = ending.forwarding
  const { status, error } = errorOf(thrown)
  // A model call has no effect on the world, so the client may try it again: no final refusal.
  const isFinal = !thrown.code.startsWith('upstream.')
  sendJson(response, {
    status,
    body: input.wire.errorBody(error),
    headers: { ...(isFinal ? noRetry : {}), ...marksOf(ending) },
  })
}

/** Throws `upstream.invalid` for a reply that has no stream, such as one that failed. */
function streamOf({ wire, request }: Forwarding['input'], body: Buffer): Buffer {
  const { api } = wire
  if (api === 'embeddings') return body
  const includeUsage = request.wantsUsageEvent
  return Buffer.from(replyAsStream({ api, body: parseReply(body), includeUsage }).join(''))
}

function marksOf({ forwarding, attempt }: Ending): Record<string, string> {
  const { endpoint, attempt: attempts } = attempt.route
  return callHeaders(forwarding, { endpoint: endpoint.name, attempts })
}
