// Answers a call from the cache: it is decided, recorded and settled like any other, and it costs a
// call and no tokens.
import { headers as headerNames } from '@airworthy/sdk'
import { oneCall } from '../../../core/budget/budget.ts'
import type { Reason } from '../../../core/decision/decision.ts'
import type { Gateway } from '../../gateway.ts'
import { markHeaders } from '../../http/replies.ts'
import { decisionOf, type Forwarding } from '../forwarding.ts'
import type { Variant } from '../prepare-model-call.ts'
import { settleCached } from '../settle-model-call.ts'
import type { CachedReply } from './find-cached.ts'

/** The call as it is proposed where a cache answers it: it reserves nothing but itself. */
export function cachedVariant(variant: Variant, hit: CachedReply): Variant {
  return { ...variant, isCached: true, notes: [...(variant.notes ?? []), cacheNote(hit)] }
}

/** What the record says of a hit, beside its outcome. */
function cacheNote(hit: CachedReply): Reason {
  const how = hit.kind === 'exact' ? 'the same request' : 'a request that says the same'
  const reason = `answered from the cache: ${how} was call ${hit.callId}`
  return { rule: `cache.${hit.kind}`, verdict: 'allow', reason }
}

/** Resolves when the reply is on its way. Throws where the outcome cannot be written. */
export async function answerFromCache(
  gateway: Gateway,
  forwarding: Forwarding,
  hit: CachedReply,
): Promise<void> {
  const { input, response, result } = forwarding
  await forwarding.durable
  const { body } = hit
  await settleCached(gateway, forwarding, {
    cache: hit.kind,
    cacheOf: hit.callId,
    used: oneCall,
    body,
  })
  gateway.modelCache.writer.touch(input.principal.agentId, hit.entryId)
  if (response.destroyed) return
  // Nothing leaves to an upstream, but what was stopped gets no answers either.
  const refusal = forwarding.live.refusal()
  if (refusal !== undefined) throw refusal
  response.writeHead(200, {
    'content-type': input.request.stream ? 'text/event-stream; charset=utf-8' : 'application/json',
    'content-length': body.length,
    ...markHeaders({ ...result, decision: decisionOf(result) }),
    [headerNames.cache]: hit.kind === 'exact' ? 'hit' : 'semantic',
    [headerNames.attempts]: '0',
    [headerNames.cost]: '0',
  })
  response.end(body)
}
