// The neutral form between the wires: what a request asks, what a reply says, and what a stream
// tells piece by piece. Internal to core/wires. `at` is the path of a part in the request it came
// from, for the refusal of a wire that has no place for it.
import type { ModelApi } from './model-api.ts'

/** The APIs that can be translated into each other. */
export type TranslatableApi = Exclude<ModelApi, 'embeddings'>

/** From the API of the client to that of the upstream. */
export type Pair = { readonly from: TranslatableApi; readonly to: TranslatableApi }

export type TextPart = { readonly type: 'text'; readonly text: string }

/** `data` is base64. */
export type Source =
  | { readonly type: 'base64'; readonly mediaType: string; readonly data: string }
  | { readonly type: 'url'; readonly url: string }

export type ImagePart = {
  readonly type: 'image'
  readonly at: string
  readonly source: Source
  readonly detail: string | undefined
}

export type DocumentPart = {
  readonly type: 'document'
  readonly at: string
  readonly source: Source | { readonly type: 'text'; readonly text: string }
  readonly name: string | undefined
}

export type InputPart = TextPart | ImagePart | DocumentPart

/** `arguments` is the JSON text of an object. */
export type ToolCallPart = {
  readonly type: 'tool_call'
  readonly id: string
  readonly name: string
  readonly arguments: string
}

/** What a model thought. `signature` and `redacted` are Anthropic's: they vouch for the thought. */
export type ReasoningPart = {
  readonly type: 'reasoning'
  readonly text: string
  readonly signature?: string
  readonly redacted?: string
}

export type OutputPart =
  | TextPart
  | { readonly type: 'refusal'; readonly text: string }
  | ToolCallPart
  | ReasoningPart

export type Turn =
  | {
      readonly role: 'system' | 'developer'
      readonly at: string
      readonly parts: readonly TextPart[]
    }
  | { readonly role: 'user'; readonly at: string; readonly parts: readonly InputPart[] }
  | { readonly role: 'assistant'; readonly at: string; readonly parts: readonly OutputPart[] }
  | {
      readonly role: 'tool'
      readonly at: string
      readonly callId: string
      readonly parts: readonly InputPart[]
      readonly isError: boolean
    }

export type Tool = {
  readonly name: string
  readonly description: string | undefined
  readonly schema: object
  readonly strict: boolean | undefined
}

export type ToolChoice =
  | { readonly type: 'auto' | 'none' | 'required' }
  | { readonly type: 'named'; readonly name: string }

export type OutputSchema = {
  readonly type: 'json_schema'
  readonly at: string
  readonly name: string | undefined
  readonly description: string | undefined
  readonly schema: object
  readonly strict: boolean | undefined
}

export type OutputFormat = OutputSchema | { readonly type: 'json_object'; readonly at: string }

/** A member that two of the wires share, with the name it had in the request. */
export type Named<T> = { readonly at: string; readonly value: T }

export type Conversation = {
  readonly model: string
  readonly stream: boolean
  readonly turns: readonly Turn[]
  readonly tools: readonly Tool[]
  readonly toolChoice: ToolChoice | undefined
  /** False: at most one tool call a turn. */
  readonly parallelToolCalls: boolean | undefined
  readonly outputTokens: number | undefined
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly stop: Named<readonly string[]> | undefined
  readonly format: OutputFormat | undefined
  readonly effort: Named<string> | undefined
  readonly verbosity: Named<string> | undefined
  /** Who the end user is, as an opaque id. */
  readonly userId: string | undefined
  /** Members that mean the same under the same name in both of OpenAI's APIs. */
  readonly openai: ReadonlyMap<string, unknown>
}

/**
 * Why a reply ended. `length`: a limit on tokens was hit; `sequence`: a stop sequence; `filter`:
 * the provider stopped it for its content.
 */
export type Stop = 'end' | 'length' | 'tool' | 'sequence' | 'filter'

/**
 * Tokens. `prompt` is all of the prompt, what was read from and written to a cache included;
 * `completion` all of the output, reasoning included.
 */
export type Usage = {
  readonly prompt: number
  readonly cached: number
  readonly written: number
  /** Of `written`: with a life of an hour or more. */
  readonly writtenLong: number
  readonly completion: number
  readonly reasoning: number
}

export type Reply = {
  readonly id: string | undefined
  readonly model: string | undefined
  readonly parts: readonly OutputPart[]
  readonly stop: Stop
  readonly stopSequence: string | undefined
  readonly usage: Usage | undefined
}

/** What a block of a stream is, told when it opens. */
export type BlockHead =
  | { readonly type: 'text' | 'refusal' | 'reasoning' }
  | { readonly type: 'redacted'; readonly data: string }
  | { readonly type: 'tool_call'; readonly id: string; readonly name: string }

/** One step of a streamed reply. Blocks are numbered in the order in which they open. */
export type StreamStep =
  | {
      readonly kind: 'start'
      readonly id: string | undefined
      readonly model: string | undefined
      readonly usage: Usage | undefined
    }
  | { readonly kind: 'open'; readonly block: number; readonly head: BlockHead }
  | { readonly kind: 'delta'; readonly block: number; readonly text: string }
  | { readonly kind: 'signature'; readonly block: number; readonly signature: string }
  | { readonly kind: 'close'; readonly block: number }
  | {
      readonly kind: 'end'
      readonly stop: Stop
      readonly stopSequence: string | undefined
      readonly usage: Usage | undefined
    }

/** A server-sent event: its type where it names one, and its data. */
export type SentEvent = { readonly event?: string; readonly data: string }

/** Reads the events of an upstream. Throws `upstream.invalid`, `upstream.interrupted`. */
export type StreamReader = { readonly read: (event: SentEvent) => readonly StreamStep[] }

/** Writes steps, one block at a time, as whole events of the client's wire. */
export type StreamWriter = { readonly write: (step: StreamStep) => string }

/** What of the client's request its reply depends on. */
export type TranslationContext = {
  /** The body that the client sent, parsed. */
  readonly body: unknown
  /** Names the reply where the upstream gives no id, and the items in it: the id of the call. */
  readonly id: string
  /** Seconds since 1970. */
  readonly createdAt: number
}
