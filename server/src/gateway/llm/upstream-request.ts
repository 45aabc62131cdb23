// What is sent to an endpoint for a call: the client's body byte for byte where nothing must change.
import type { CompiledEndpoint } from '../../core/pact/compiled.ts'
import type { Gateway } from '../gateway.ts'
import type { UpstreamRequest } from '../upstream/dispatch.ts'
import type { Course, Target } from './course.ts'
import type { Forwarding, Route } from './forwarding.ts'
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

function upstreamBody(forwarding: Forwarding, route: Route): Buffer {
  const { input, result, prepared } = forwarding
  const { request } = input
  const cut = result.completionTokens
  // What is left is for all choices together.
  const outputTokens = cut === undefined ? undefined : Number(cut / BigInt(request.choices))
  if (route.wire !== input.wire) {
    // Messages alone cannot do without a limit.
    const asked = Number(prepared.completionTokens / BigInt(request.choices))
    const needed = route.wire.api === 'messages' ? asked : undefined
    return translateBody(forwarding, route, outputTokens ?? needed)
  }
  const members = route.wire.changes(request, { endpoint: route.endpoint, outputTokens })
  if (members.length === 0) return input.body
  return Buffer.from(setMembers(input.body.toString('utf8'), members))
}
