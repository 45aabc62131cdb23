// Looks for a reply that may be given again: first to the very same request, then to one that says the
// same. A candidate that any veto speaks against is passed over; what nobody can be sure of is a miss.
import type { IncomingHttpHeaders } from 'node:http'
import { readKeepable } from '../../../core/cache/keepable-reply.ts'
import { candidatesMax, readQuestion, vetoBetween } from '../../../core/cache/likeness.ts'
import type { CompiledModel } from '../../../core/pact/compiled.ts'
import { replyAsStream } from '../../../core/wires/translate.ts'
import { type CachedEntry, findByIds, findByKey } from '../../../store/models/model-cache.ts'
import type { Gateway } from '../../gateway.ts'
import type { ModelCallInput } from '../prepare-model-call.ts'
import { type CacheRequest, readCacheRequest } from './cache-request.ts'
import { readContent } from './content.ts'
import { embedQuestion, type RunCall } from './embed-question.ts'

export type CachedReply = {
  readonly kind: 'exact' | 'semantic'
  readonly entryId: string
  /** The call whose reply it is. */
  readonly callId: string
  readonly body: Buffer
  readonly similarity: number
}

export type CacheLookup = {
  readonly request: CacheRequest
  readonly hit: CachedReply | undefined
  /** What the semantic cache would have given, where the real call is made all the same. */
  readonly watched: { readonly reply: CachedReply; readonly kind: 'shadow' | 'sample' } | undefined
  /** Of the question, where it may be found by likeness later. */
  readonly vector: Int8Array | undefined
}

export type CacheQuery = {
  readonly input: ModelCallInput
  readonly model: CompiledModel
  readonly headers: IncomingHttpHeaders
  readonly run: RunCall
}

/** Undefined where nothing of the call may be cached. A cache that cannot be read is a miss. */
export async function findCached(
  gateway: Gateway,
  query: CacheQuery,
): Promise<CacheLookup | undefined> {
  const { input, model, headers } = query
  const request = readCacheRequest(gateway.vault, input, { model, headers })
  if (request === undefined) return undefined
  try {
    return await look(gateway, query, request)
  } catch (error) {
    gateway.log('the cache could not be read', { error: String(error) })
    return { request, hit: undefined, watched: undefined, vector: undefined }
  }
}

async function look(
  gateway: Gateway,
  query: CacheQuery,
  request: CacheRequest,
): Promise<CacheLookup> {
  const nothing = { request, hit: undefined, watched: undefined, vector: undefined }
  const { db, organisationId } = gateway
  const { agentId } = query.input.principal
  if (!request.isFresh) {
    const found = await findByKey(db, organisationId, { agentId, key: request.key })
    if (found !== undefined) {
      const hit = { ...open(gateway, found), kind: 'exact' as const, similarity: 1 }
      return { ...nothing, hit: inWire(query.input, hit) }
    }
  }
  const { semantic } = request
  const question = semantic && readQuestion(semantic.asked)
  if (semantic === undefined || question === undefined) return nothing
  const { config, asked } = semantic
  const vector = await embedQuestion(question, { ...query, config, asked })
  if (vector === undefined || request.isFresh) return { ...nothing, vector }
  const found = await findAlike(gateway, query, { semantic, question, vector })
  if (found === undefined) return { ...nothing, vector }
  const of = { agentId, model: request.model, make: config.make }
  const isLive = await gateway.modelCache.isLive(of, config)
  if (!isLive) return { ...nothing, vector, watched: { reply: found, kind: 'shadow' } }
  const isSampled = Math.random() < config.sample
  if (isSampled) return { ...nothing, vector, watched: { reply: found, kind: 'sample' } }
  return { ...nothing, vector, hit: inWire(query.input, found) }
}

/** As the client asked for it: whole, or as a stream of its wire. */
function inWire({ wire, request }: ModelCallInput, hit: CachedReply): CachedReply {
  const { api } = wire
  if (!request.stream || api === 'embeddings') return hit
  const body: unknown = JSON.parse(hit.body.toString('utf8'))
  const events = replyAsStream({ api, body, includeUsage: request.wantsUsageEvent })
  return { ...hit, body: Buffer.from(events.join('')) }
}

type Question = {
  readonly semantic: NonNullable<CacheRequest['semantic']>
  readonly question: NonNullable<ReturnType<typeof readQuestion>>
  readonly vector: Int8Array
}

/** The nearest cached question that no veto speaks against. */
async function findAlike(
  gateway: Gateway,
  { input }: CacheQuery,
  { semantic, question, vector }: Question,
): Promise<CachedReply | undefined> {
  const { config, partition } = semantic
  const near = await gateway.modelCache.indexes.nearest({
    agentId: input.principal.agentId,
    partition,
    make: config.make,
    vector,
    threshold: config.threshold,
    limit: candidatesMax,
  })
  if (near.length === 0) return undefined
  const ids = near.map((each) => each.id)
  const entries = await findByIds(gateway.db, gateway.organisationId, ids)
  const byId = new Map(entries.map((entry) => [entry.entryId, entry]))
  for (const { id, similarity } of near) {
    const entry = byId.get(id)
    if (entry === undefined) continue
    const { asked, ...reply } = open(gateway, entry)
    if (vetoBetween(asked, question.text, config) !== undefined) continue
    return { ...reply, kind: 'semantic', similarity }
  }
  return undefined
}

function open(gateway: Gateway, entry: CachedEntry) {
  const { asked, reply } = readContent(gateway.vault.opener()(entry.wrappedKey, entry.sealed))
  return { asked, entryId: entry.entryId, callId: entry.callId, body: reply }
}

/** The text of a cached reply, to be held against a real one. */
export function cachedText(input: ModelCallInput, { body }: CachedReply): string | undefined {
  return readKeepable(input.wire.api, JSON.parse(body.toString('utf8')))?.text
}
