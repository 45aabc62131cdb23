// Looks at a reply on its way to the client, and afterwards keeps it for the next time, or holds it
// against what the semantic cache would have given.
import { randomUUIDv7 } from 'node:crypto'
import { headers as headerNames } from '@airworthy/sdk'
import { compareReplies } from '../../../core/cache/compare-replies.ts'
import { readKeepable } from '../../../core/cache/keepable-reply.ts'
import type { Gateway } from '../../gateway.ts'
import { wholeReply } from '../captured-reply.ts'
import type { ReplyTarget } from '../detached-reply.ts'
import type { ModelCallInput } from '../prepare-model-call.ts'
import { writeContent } from './content.ts'
import { cachedText, type CacheLookup } from './find-cached.ts'

const keptBytesMax = 1024 * 1024

export type KeptReply = {
  /** Writes to the client's reply, and marks it. */
  readonly response: ReplyTarget
  /** Once the call is settled and its reply is sent. */
  readonly keep: () => void
}

type Seen = { readonly status: number; readonly callId: string; readonly isOther: boolean }

export function keepReply(
  gateway: Gateway,
  call: {
    readonly input: ModelCallInput
    readonly lookup: CacheLookup
    readonly response: ReplyTarget
  },
): KeptReply {
  const { lookup, response } = call
  const chunks: Buffer[] = []
  let bytes = 0
  let seen: Seen | undefined
  const mark = lookup.watched === undefined ? 'miss' : 'shadow'
  const look = (chunk: unknown): void => {
    if (!Buffer.isBuffer(chunk)) return
    bytes += chunk.length
    if (bytes <= keptBytesMax) chunks.push(chunk)
    else chunks.length = 0
  }
  const writeHead = (status: number, headers: Record<string, string | number> = {}): unknown => {
    const callId = String(headers[headerNames.call] ?? '')
    // A budget may have had another model asked, whose answer is not this one's.
    const model = headers[headerNames.model] ?? lookup.request.model
    seen = { status, callId, isOther: model !== lookup.request.model }
    return response.writeHead(status, { ...headers, [headerNames.cache]: mark })
  }
  return {
    response: tap(response, { writeHead, look }),
    keep: () => {
      if (seen?.status !== 200 || seen.isOther || seen.callId === '') return
      if (bytes === 0 || bytes > keptBytesMax) return
      const reply = { callId: seen.callId, body: Buffer.concat(chunks) }
      keepLater(gateway, call, reply).catch((error: unknown) =>
        gateway.log('a reply was not cached', { error: String(error) }),
      )
    },
  }
}

function tap(
  response: ReplyTarget,
  on: { writeHead: ReplyTarget['writeHead']; look: (chunk: unknown) => void },
): ReplyTarget {
  return new Proxy(response, {
    get: (target, name) => {
      if (name === 'writeHead') return on.writeHead
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (name === 'write' || name === 'end') on.look(args[0])
        return Reflect.apply(value, target, args)
      }
    },
  })
}

async function keepLater(
  gateway: Gateway,
  { input, lookup }: { readonly input: ModelCallInput; readonly lookup: CacheLookup },
  { callId, body }: { readonly callId: string; readonly body: Buffer },
): Promise<void> {
  const { api } = input.wire
  const whole = wholeReply(api, { body, isStream: input.request.stream })
  if (whole === undefined) return
  const keepable = readKeepable(api, whole)
  recordWatched(gateway, { input, lookup, callId, real: keepable?.text })
  if (keepable === undefined) return
  const reply = input.request.stream ? Buffer.from(JSON.stringify(whole)) : body
  await writeEntry(gateway, { input, lookup, callId, reply })
}

/** What the semantic cache would have given, held against what was given. */
function recordWatched(
  gateway: Gateway,
  of: {
    readonly input: ModelCallInput
    readonly lookup: CacheLookup
    readonly callId: string
    /** Undefined where the real reply acts, refuses or was cut: no cached text is as good. */
    readonly real: string | undefined
  },
): void {
  const { watched, request } = of.lookup
  if (watched === undefined || request.semantic === undefined) return
  const { config } = request.semantic
  const { reply, kind } = watched
  const cached = cachedText(of.input, reply)
  const isKnown = cached !== undefined && of.real !== undefined
  gateway.modelCache.record({
    agentId: of.input.principal.agentId,
    model: request.model,
    make: config.make,
    callId: of.callId,
    cachedCallId: reply.callId,
    similarity: reply.similarity,
    kind,
    verdict: isKnown ? compareReplies(cached, of.real) : 'differ',
    falseHitRateMax: config.falseHitRateMax,
    goLive: config.goLive,
  })
}

async function writeEntry(
  gateway: Gateway,
  of: {
    readonly input: ModelCallInput
    readonly lookup: CacheLookup
    readonly callId: string
    readonly reply: Buffer
  },
): Promise<void> {
  const { principal } = of.input
  const { request, vector } = of.lookup
  const { cache, semantic } = request
  const asked = vector === undefined ? '' : (semantic?.asked ?? '')
  const content = await gateway.vault.seal(
    principal.endUser,
    writeContent({ asked, reply: of.reply }),
  )
  const sealedVector = vector && (await gateway.vault.seal(principal.endUser, Buffer.from(vector)))
  // Between the two the person may have been erased: then the entry has no vector.
  const isOne = sealedVector?.subjectId.equals(content.subjectId) === true
  const entry = {
    entryId: randomUUIDv7(),
    model: request.model,
    key: request.key,
    callId: of.callId,
    content,
    ttlMs: cache.ttlMs,
    semantic:
      semantic === undefined || sealedVector === undefined || !isOne
        ? undefined
        : {
            partition: semantic.partition,
            make: semantic.config.make,
            vector: sealedVector.sealed,
          },
  }
  gateway.modelCache.writer.write(principal.agentId, entry, cache)
}
