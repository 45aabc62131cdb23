// What is sent to an endpoint for a call: the client's body byte for byte where nothing must change.
import { AirworthyError } from '../../core/errors.ts'
import type { CompiledEndpoint } from '../../core/pact/compiled.ts'
import type { Gateway } from '../gateway.ts'
import type { UpstreamRequest } from '../upstream/dispatch.ts'
import type { Course, Target } from './course.ts'
import { completionBound, type Forwarding, type Route } from './forwarding.ts'
import { setMembers } from './set-members.ts'
import { translateBody } from './translation.ts'

/** Throws `request.untranslatable`. */
export function upstreamRequest(
  gateway: Gateway,
  forwarding: Forwarding,
  options: { readonly course: Course; readonly target: Target; readonly route: Route },
): { pool: ReturnType<Gateway['pools']['pool']>; request: UpstreamRequest } {
  const { course, target, route } = options
  const { model } = forwarding.prepared
  const base = gateway.pools.target(target.baseUrl)
  const { apiKeyEnv } = target
  const apiKey = apiKeyEnv === undefined ? undefined : gateway.secretOf(apiKeyEnv)
  const { remainingMs } = course
  return {
    pool: gateway.pools.pool(base.origin),
    request: {
      path: `${base.path}${route.wire.upstreamPath}${base.search}`,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'accept-encoding': 'identity',
        ...route.wire.upstreamHeaders(forwarding.clientHeaders),
        ...(apiKey === undefined ? {} : keyHeader(route.endpoint, apiKey)),
      },
      body: upstreamBody(forwarding, route),
      timeoutMs: remainingMs,
      firstByteTimeoutMs: Math.min(model?.firstByteTimeoutMs ?? remainingMs, remainingMs),
      idleTimeoutMs: Math.min(model?.idleTimeoutMs ?? remainingMs, remainingMs),
    },
  }
}

function keyHeader(endpoint: CompiledEndpoint, apiKey: string): Record<string, string> {
  return endpoint.auth === 'bearer'
    ? { authorization: `Bearer ${apiKey}` }
    : { [endpoint.auth]: apiKey }
}

/**
 * The limit of each choice, where the client's own does not stand: what a budget leaves, or what is
 * held for a client that names none. Who only observes gets what the model gives, but for Messages,
 * which cannot do without a limit.
 */
function outputLimit(forwarding: Forwarding, route: Route): number | undefined {
  const { input, result } = forwarding
  const { request, principal } = input
  const isNeeded = route.wire.api === 'messages' || principal.mode === 'enforce'
  const isMissing = request.maxOutputTokens === undefined && isNeeded
  if (result.completionTokens === undefined && !isMissing) return undefined
  return Number(completionBound(forwarding) / BigInt(request.choices))
}

function upstreamBody(forwarding: Forwarding, route: Route): Buffer {
  const { input } = forwarding
  const { request } = input
  const outputTokens = outputLimit(forwarding, route)
  if (route.wire !== input.wire) {
    if (outputTokens === undefined && request.maxOutputTokens === 0) {
      // Elsewhere it may mean no limit at all.
      const message = `a call without any output cannot be translated to ${route.wire.api}`
      throw new AirworthyError('request.untranslatable', message)
    }
    return translateBody(forwarding, route, outputTokens)
  }
  const members = route.wire.changes(request, { endpoint: route.endpoint, outputTokens })
  if (members.length === 0) return input.body
  return Buffer.from(setMembers(input.body.toString('utf8'), members))
}
