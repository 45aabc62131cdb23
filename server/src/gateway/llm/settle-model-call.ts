// Step 7 of a model call: what it used goes to the record before its reply, or its end, goes out.
import { type Amounts, noAmounts, oneCall } from '../../core/budget/budget.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { CompiledEndpoint } from '../../core/pact/compiled.ts'
import type { Outcome, SealedPayload, Settled, TokenUsage } from '../../store/recorder/types.ts'
import type { Gateway } from '../gateway.ts'
import { readModelReply } from '../escalation/read-model-reply.ts'
import type { Forwarding, Route } from './forwarding.ts'
import { priceUsage } from './pricing.ts'
import type { PartialUsage, ReplyFindings } from './wire.ts'

/** A log that does not answer within this is a log that cannot be written. */
const settleTimeoutMs = 15_000

/** Nothing reached an upstream: nothing was used. */
export function settleUnused(
  gateway: Gateway,
  forwarding: Forwarding,
  error: { readonly code: AirworthyError['code']; readonly attempts: number },
): Promise<Settled> {
  return settleBounded(gateway, forwarding, {
    state: 'failed',
    code: error.code,
    attempts: error.attempts,
    used: noAmounts,
  })
}

/** A cached reply was given: it used a call, and no tokens. */
export async function settleCached(
  gateway: Gateway,
  forwarding: Forwarding,
  cached: {
    readonly cache: 'exact' | 'semantic'
    readonly cacheOf: string
    readonly used: Amounts
    readonly body: Buffer
  },
): Promise<Settled> {
  const { cache, cacheOf, used } = cached
  const usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 }
  const response = await seal(gateway, forwarding, cached.body)
  const reading = readModelReply(forwarding, cached.body)
  const outcome = { reading, code: undefined, attempts: 0, usage, used, response, cache, cacheOf }
  return settleBounded(gateway, forwarding, { ...outcome, state: 'done' })
}

/** The upstream refused: nothing was generated, and a call was made. */
export async function settleRefused(
  gateway: Gateway,
  forwarding: Forwarding,
  { route, body }: { readonly route: Route; readonly body: Buffer },
): Promise<Settled> {
  const response = await seal(gateway, forwarding, body)
  return settleBounded(gateway, forwarding, {
    ...placeOf(route),
    state: 'failed',
    code: 'upstream.refused',
    used: oneCall,
    response,
  })
}

/**
 * The upstream replied, whole or in part. Usage that was not told is not zero: what was counted is
 * settled, and the rest of the reservation stays as unknown.
 */
export async function settleReply(
  gateway: Gateway,
  forwarding: Forwarding,
  reply: {
    readonly route: Route
    readonly body: Buffer
    readonly findings?: ReplyFindings | undefined
    readonly partial?: PartialUsage | undefined
    readonly error?: AirworthyError | undefined
  },
): Promise<Settled> {
  const { route, findings, error, partial } = reply
  const response = await seal(gateway, forwarding, reply.body)
  const told = findings?.usage
  const usage = told !== undefined && isCredible(told) ? told : undefined
  const common = { ...placeOf(route), code: error?.code, response }
  if (forwarding.input.wire.countsOnly === true && error === undefined) {
    return settleBounded(gateway, forwarding, { ...common, state: 'done', used: oneCall })
  }
  const reading = error === undefined ? readModelReply(forwarding, reply.body) : undefined
  if (usage === undefined) {
    return settleBounded(gateway, forwarding, {
      ...common,
      state: 'unknown',
      reading,
      ...atLeast(route.endpoint, partial, findings?.terms),
    })
  }
  const isWhole = error === undefined || error.code === 'policy.reply_denied'
  return settleBounded(gateway, forwarding, {
    ...common,
    state: isWhole ? 'done' : 'failed',
    reading,
    usage,
    used: priceUsage(route.endpoint, usage, findings?.terms),
  })
}

/** More than any model takes or gives in one call: a budget must not be filled by a wrong figure. */
const tokensMax = 1_000_000_000

function isCredible({ promptTokens, completionTokens }: TokenUsage): boolean {
  return promptTokens <= tokensMax && completionTokens <= tokensMax
}

function atLeast(
  endpoint: CompiledEndpoint,
  partial: PartialUsage | undefined,
  terms: ReplyFindings['terms'],
): Partial<Pick<Outcome, 'usedAtLeast' | 'estimated'>> {
  if (partial === undefined || partial.promptTokens + partial.completionTokens === 0) return {}
  const used: Amounts = priceUsage(endpoint, partial, terms)
  // Whether the call counts is as unknown as its use.
  return { usedAtLeast: { ...used, calls: 0n }, estimated: true }
}

function placeOf({ endpoint, attempt }: Route): Partial<Outcome> {
  return { endpoint: endpoint.name, attempts: attempt, prices: endpoint.prices?.hash }
}

function seal(gateway: Gateway, forwarding: Forwarding, body: Buffer): Promise<SealedPayload> {
  return gateway.vault.seal(forwarding.input.principal.endUser, body)
}

async function settleBounded(
  gateway: Gateway,
  forwarding: Forwarding,
  outcome: Pick<Outcome, 'state' | 'code'> & Partial<Outcome>,
): Promise<Settled> {
  const { callId } = forwarding.result
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new AirworthyError('log.unavailable', 'the outcome cannot be written'))
    }, settleTimeoutMs)
  })
  const settling = gateway.recorder.settle({
    callId,
    usage: undefined,
    used: undefined,
    response: undefined,
    resolvedBy: undefined,
    ...outcome,
  })
  try {
    return await Promise.race([settling, timeout])
  } finally {
    clearTimeout(timer)
    gateway.inFlight.settled(callId)
  }
}
