// A whole reply as a stream of the same wire, and back: for replies that come from a cache, or
// that were read whole before the client saw any of them. Members that no other wire knows stay.
import { ChatCollector } from './chat/collect.ts'
import { replayChat } from './chat/replay.ts'
import type { SentEvent, TranslatableApi } from './conversation.ts'
import { MessagesCollector } from './messages/collect.ts'
import { replayMessages } from './messages/replay.ts'
import { isObject } from './fields.ts'
import { invalidReply, member, parseEvent, textMember } from './read-json.ts'
import { replayResponses } from './responses/replay.ts'

/**
 * The events of a stream that says what the reply says, its terminal event last. Of Chat
 * Completions the usage comes only where `includeUsage` is not false, as the client asks
 * (`stream_options.include_usage`). Throws `upstream.invalid` for what is no reply of the wire.
 */
export function replyAsStream({
  api,
  body,
  includeUsage = true,
}: {
  readonly api: TranslatableApi
  readonly body: unknown
  readonly includeUsage?: boolean
}): string[] {
  if (!isObject(body)) throw invalidReply('no JSON object')
  if (api === 'chat') return replayChat(body, includeUsage)
  return api === 'messages' ? replayMessages(body) : replayResponses(body)
}

export type StreamCollector = {
  /** Takes one whole event. Throws `upstream.invalid` for what is not JSON. */
  readonly push: (event: SentEvent) => void
  /** The whole reply; undefined until the stream has ended well. */
  readonly reply: () => object | undefined
}

/** Puts a stream together to a whole reply. Who pushes bounds the length of the stream. */
export function collectStream({ api }: { readonly api: TranslatableApi }): StreamCollector {
  if (api === 'chat') return new ChatCollector()
  return api === 'messages' ? new MessagesCollector() : new ResponsesCollector()
}

class ResponsesCollector implements StreamCollector {
  #reply: object | undefined

  push({ data }: SentEvent): void {
    // Only the last event holds the reply; the many before it are not parsed.
    if (!/"response\.(?:completed|incomplete)"/.test(data)) return
    const event = parseEvent(data)
    const type = textMember(event, 'type')
    if (type !== 'response.completed' && type !== 'response.incomplete') return
    const response = member(event, 'response')
    if (isObject(response)) this.#reply = response
  }

  reply(): object | undefined {
    return this.#reply
  }
}
