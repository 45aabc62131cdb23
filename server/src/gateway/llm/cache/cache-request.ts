// Whether a request may be answered from a cache, and under which keys.
import type { IncomingHttpHeaders } from 'node:http'
import { readCacheable } from '../../../core/cache/cacheable-request.ts'
import { canonicalJson, parseExactJson } from '../../../core/canonical.ts'
import type { CompiledCache, CompiledSemanticCache } from '../../../core/pact/cache-schema.ts'
import type { CompiledModel } from '../../../core/pact/compiled.ts'
import type { PayloadVault } from '../../../store/audit/payloads.ts'
import type { ModelCallInput } from '../prepare-model-call.ts'

export type CacheRequest = {
  readonly cache: CompiledCache
  readonly model: string
  readonly key: Buffer
  /** The client wants a fresh answer; it may be kept for the next one. */
  readonly isFresh: boolean
  readonly semantic:
    | { readonly config: CompiledSemanticCache; readonly partition: Buffer; readonly asked: string }
    | undefined
}

const bodyBytesMax = 1024 * 1024
/** Requests of the client that the answer may depend on, beside the body. */
const headersThatMatter = ['anthropic-beta', 'anthropic-version', 'openai-beta']

/** Undefined where nothing of the request may be cached. Throws nothing. */
export function readCacheRequest(
  vault: PayloadVault,
  input: ModelCallInput,
  of: { readonly model: CompiledModel | undefined; readonly headers: IncomingHttpHeaders },
): CacheRequest | undefined {
  const { model, headers } = of
  const cache = model?.cache
  if (model === undefined || cache === undefined) return undefined
  const { wire, request, body, principal } = input
  const isOutside = request.outside !== undefined
  if (wire.countsOnly === true || isOutside || input.resume !== undefined) return undefined
  const control = (headers['cache-control'] ?? '').toLowerCase()
  if (control.includes('no-store') || body.length > bodyBytesMax) return undefined
  // What two readers could read otherwise, such as a long number, is no key.
  if (parseExactJson(body.toString('utf8')).kind !== 'ok') return undefined
  const cacheable = readCacheable(wire.api, request.json)
  if (cacheable === undefined) return undefined
  const context = {
    agent: principal.agentId,
    api: wire.api,
    headers: headersThatMatter.map((name) => headers[name] ?? null),
    model: model.name,
    person: cache.shared ? null : [personOf(input), cacheable.person],
    // Where a model is served from elsewhere, it is another model.
    upstreams: [
      principal.modelBaseUrl ?? null,
      ...model.endpoints.map(({ baseUrl, upstreamModel }) => [baseUrl, upstreamModel]),
    ],
  }
  const digest = (kind: string, material: object): Buffer =>
    Buffer.from(vault.digest(canonicalJson([`cache:${kind}`, context, material])), 'hex')
  const { semantic } = cacheable
  return {
    cache,
    model: model.name,
    key: digest('exact', cacheable.material),
    isFresh: control.includes('no-cache'),
    semantic:
      cache.semantic === undefined || semantic === undefined
        ? undefined
        : {
            config: cache.semantic,
            partition: digest('semantic', semantic.frame),
            asked: semantic.asked,
          },
  }
}

/** Where nobody is named, nobody else than this session gets the answer. */
function personOf({ principal }: ModelCallInput): string {
  const { endUser, sessionId } = principal
  return endUser === '' ? `session ${sessionId}` : `user ${endUser}`
}
