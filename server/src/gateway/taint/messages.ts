// What users and the operator's prompt say in model calls, remembered with that origin. The model's
// own messages are not: what it says has no origin but what it repeats.
import type { Origin } from '../../core/taint/taint.ts'
import type { RememberedValues } from '../../store/recorder/types.ts'
import { findKnownSources, insertValueOrigins } from '../../store/calls/value-origins.ts'
import { rememberValue, sourceOf, type TaintStore } from './remember.ts'

type Message = { readonly origin: Origin; readonly text: string }

/** Of one request: the newest; a client sends its whole history with every call. */
const messagesMax = 200

/** Durable when it resolves. `body` is a request of either wire, which was parsed before. */
export async function rememberMessages(
  store: TaintStore,
  request: { readonly sessionId: string; readonly body: Buffer },
): Promise<void> {
  const { db, organisationId } = store
  const { sessionId } = request
  const messages = messagesOf(JSON.parse(request.body.toString('utf8'))).slice(-messagesMax)
  const bySource = new Map(
    messages.map((message) => [sourceOf(store, `${message.origin} ${message.text}`), message]),
  )
  if (bySource.size === 0) return
  const sources = [...bySource.keys()]
  const known = await findKnownSources(db, organisationId, { sessionId, sources })
  const read: RememberedValues[] = []
  let bytesPending = 0
  for (const [source, { origin, text }] of bySource) {
    if (known.has(source)) continue
    const value = { sessionId, source, origins: [origin], content: text, bytesPending }
    const remembered = await rememberValue(store, value)
    bytesPending += remembered.digests.length
    read.push(remembered)
  }
  await insertValueOrigins(db, organisationId, read)
}

const origins: Readonly<Record<string, Origin>> = {
  user: 'user',
  system: 'system',
  developer: 'system',
}

/** The texts of user and system messages, of the OpenAI and the Anthropic wire. */
export function messagesOf(body: unknown): Message[] {
  const system = textsOf(member(body, 'system')).map((text) => ({ origin: 'system', text }))
  const messages = listOf(member(body, 'messages')).flatMap((message): Message[] => {
    const role = member(message, 'role')
    const origin =
      typeof role === 'string' && Object.hasOwn(origins, role) ? origins[role] : undefined
    if (origin === undefined) return []
    return textsOf(member(message, 'content')).map((text) => ({ origin, text }))
  })
  return [...system, ...messages].filter(({ text }) => text !== '')
}

/** A text, or the texts of a list of parts; a part that holds a tool's result is none. */
function textsOf(content: unknown): string[] {
  if (typeof content === 'string') return [content]
  return listOf(content).flatMap((part) => {
    const text = member(part, 'text')
    return member(part, 'type') === 'text' && typeof text === 'string' ? [text] : []
  })
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Reflect.get(value, name)
}
