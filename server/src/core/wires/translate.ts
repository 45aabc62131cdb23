// Translates between OpenAI Chat Completions, OpenAI Responses and Anthropic Messages: requests to
// the upstream's API, replies and streams back to the client's. This is all of core/wires that
// others import. What is translated, refused and left out stands in docs/guides/wires.md.
import { AirworthyError } from '../errors.ts'
import { BlockOrder } from './block-order.ts'
import { readChatRequest } from './chat/read-request.ts'
import { createChatReader } from './chat/read-stream.ts'
import { readChatReply, writeChatReply } from './chat/reply.ts'
import { writeChatRequest } from './chat/write-request.ts'
import { createChatWriter } from './chat/write-stream.ts'
import type {
  Conversation,
  Pair,
  Reply,
  SentEvent,
  StreamReader,
  StreamStep,
  StreamWriter,
  TranslatableApi,
  TranslationContext,
} from './conversation.ts'
import { isObject } from './fields.ts'
import { readMessagesRequest } from './messages/read-request.ts'
import { createMessagesReader } from './messages/read-stream.ts'
import { readMessagesReply, writeMessagesReply } from './messages/reply.ts'
import { writeMessagesRequest } from './messages/write-request.ts'
import { createMessagesWriter } from './messages/write-stream.ts'
import type { ModelApi } from './model-api.ts'
import { readResponsesRequest } from './responses/read-request.ts'
import { createResponsesReader } from './responses/read-stream.ts'
import { readResponsesReply, writeResponsesReply } from './responses/reply.ts'
import { writeResponsesRequest } from './responses/write-request.ts'
import { createResponsesWriter } from './responses/write-stream.ts'

export { isForeignThought } from './responses/items.ts'
export { collectStream, replyAsStream } from './stream-of-reply.ts'
export type { SentEvent, TranslationContext } from './conversation.ts'

export type RequestTranslation = {
  /** What the client speaks. */
  readonly from: ModelApi
  /** What the upstream speaks. */
  readonly to: ModelApi
  /** The client's body, parsed. */
  readonly body: unknown
  readonly upstreamModel: string
  /** Written instead of the limit that the client asks. Messages needs one of the two. */
  readonly outputTokens?: number
  /** For `to: 'chat'`; `max_completion_tokens` by default. */
  readonly outputLimitField?: 'max_tokens' | 'max_completion_tokens'
}

type RequestOptions = {
  readonly upstreamModel: string
  readonly outputTokens: number | undefined
  readonly outputLimitField: 'max_tokens' | 'max_completion_tokens'
}

type Wire = {
  readonly readRequest: (body: unknown, pair: Pair) => Conversation
  readonly writeRequest: (conversation: Conversation, pair: Pair, options: RequestOptions) => object
  readonly readReply: (body: unknown) => Reply
  readonly writeReply: (reply: Reply, context: TranslationContext) => object
  readonly createReader: () => StreamReader
  readonly createWriter: (context: TranslationContext) => StreamWriter
}

const wires: Readonly<Record<TranslatableApi, Wire>> = {
  chat: {
    readRequest: readChatRequest,
    writeRequest: writeChatRequest,
    readReply: readChatReply,
    writeReply: writeChatReply,
    createReader: createChatReader,
    createWriter: createChatWriter,
  },
  responses: {
    readRequest: readResponsesRequest,
    writeRequest: writeResponsesRequest,
    readReply: readResponsesReply,
    writeReply: writeResponsesReply,
    createReader: createResponsesReader,
    createWriter: createResponsesWriter,
  },
  messages: {
    readRequest: readMessagesRequest,
    writeRequest: writeMessagesRequest,
    readReply: readMessagesReply,
    writeReply: writeMessagesReply,
    createReader: createMessagesReader,
    createWriter: createMessagesWriter,
  },
}

/**
 * The body for the upstream. A stream is asked for wherever the client asks for one, and with its
 * usage. Throws `request.untranslatable` (names the field), `request.invalid` and
 * `request.invalid_json` (arguments of an earlier tool call).
 */
export function translateRequest(translation: RequestTranslation): { readonly body: object } {
  const { from, to, body, upstreamModel, outputTokens } = translation
  const pair = pairOf(from, to)
  const outputLimitField = translation.outputLimitField ?? 'max_completion_tokens'
  const conversation = wires[pair.from].readRequest(body, pair)
  const options = { upstreamModel, outputTokens, outputLimitField }
  return { body: wires[pair.to].writeRequest(conversation, pair, options) }
}

/**
 * A whole reply of the upstream's API `from` as one of the client's API `to`. Throws
 * `upstream.invalid`, and `upstream.refused` for a response that failed.
 */
export function translateReply(translation: {
  readonly from: ModelApi
  readonly to: ModelApi
  readonly body: unknown
  readonly request: TranslationContext
}): object {
  const pair = pairOf(translation.from, translation.to)
  if (!isObject(translation.body)) {
    throw new AirworthyError('upstream.invalid', 'the upstream answered no JSON object')
  }
  return wires[pair.to].writeReply(
    wires[pair.from].readReply(translation.body),
    translation.request,
  )
}

export type StreamTranslator = {
  /**
   * What one whole event of the upstream is to the client: texts of one or more whole events each,
   * blank lines included. An event without data (a comment) is nothing. Throws `upstream.interrupted`
   * when the upstream ends in an error of its own, `upstream.invalid` for what cannot be read.
   */
  readonly push: (event: SentEvent) => string[]
  /**
   * The upstream's stream is over. What comes last in the client's stream came with the upstream's
   * own terminal event; nothing is made up here. Throws `upstream.interrupted` without one.
   */
  readonly finish: () => string[]
}

const namelessStart = { kind: 'start', id: undefined, model: undefined, usage: undefined } as const

/** `from` is the upstream's API, `to` the client's. */
export function createStreamTranslator(translation: {
  readonly from: ModelApi
  readonly to: ModelApi
  readonly request: TranslationContext
}): StreamTranslator {
  const pair = pairOf(translation.from, translation.to)
  const reader = wires[pair.from].createReader()
  const writer = wires[pair.to].createWriter(translation.request)
  const order = new BlockOrder()
  let hasStarted = false
  let hasEnded = false
  const write = (step: StreamStep, events: string[]): void => {
    const written = writer.write(step)
    if (written !== '') events.push(written)
    if (step.kind === 'end') hasEnded = true
  }
  return {
    push: (event) => {
      const events: string[] = []
      if (hasEnded || event.data === '') return events
      for (const read of reader.read(event)) {
        // Every client's wire opens with a name, also where the upstream's does not.
        if (!hasStarted && read.kind !== 'start') write(namelessStart, events)
        hasStarted = true
        for (const step of order.push(read)) write(step, events)
      }
      return events
    },
    finish: () => {
      if (hasEnded) return []
      throw new AirworthyError('upstream.interrupted', 'the upstream stopped within its stream')
    },
  }
}

function pairOf(from: ModelApi, to: ModelApi): Pair {
  if (from !== to && from !== 'embeddings' && to !== 'embeddings') return { from, to }
  const message = `a request of the API ${from} cannot be translated to ${to}`
  throw new AirworthyError('request.untranslatable', message, { detail: { from, to } })
}
