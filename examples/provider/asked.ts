// What a request asks of the model, whatever wire it came on.

export type Wire = 'chat' | 'responses' | 'messages' | 'embeddings'

export type Attachment = {
  readonly kind: 'image' | 'document'
  /** The media type, `''` where the request does not say it. */
  readonly media: string
  readonly source: 'data' | 'url' | 'file'
  /** The address or file id; `''` for data. */
  readonly where: string
  /** Of the decoded data; 0 and `''` where only a reference came. */
  readonly bytes: number
  readonly sha256: string
}

export type OfferedTool = { readonly name: string; readonly parameters: unknown }

export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string }

export type Asked = {
  readonly wire: Wire
  /** Without the faults that a drill may name behind it: see `faults.ts`. */
  readonly model: string
  readonly stream: boolean
  /** The chat wire's `stream_options.include_usage`. */
  readonly wantsUsage: boolean
  /** The text of the last user message: it tells the fake what to do. See `answer.ts`. */
  readonly instruction: string
  /** What tools answered since that message. */
  readonly toolResults: readonly string[]
  readonly attachments: readonly Attachment[]
  readonly tools: readonly OfferedTool[]
  readonly toolChoice: ToolChoice
  readonly isParallel: boolean
  /** A JSON Schema, `{}` for any JSON, undefined for prose. */
  readonly schema: unknown
  readonly maxTokens: number | undefined
  readonly reasons: boolean
  /** Chat's `n`. */
  readonly choices: number
  readonly promptTokens: number
  /** What a prompt cache would know the start of the prompt by. */
  readonly prefixes: readonly CachePrefix[]
}

/** A start of the prompt that may be cached, as long as `tokens`. */
export type CachePrefix = {
  readonly digest: string
  readonly tokens: number
  /** `automatic`: the provider's own; the others are asked for and paid for. */
  readonly kind: 'automatic' | '5m' | '1h'
}

/** A request that the provider refuses. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest'
  readonly status: number
  readonly code: string | null
  readonly param: string | null
  constructor(
    message: string,
    more: { readonly status?: number; readonly code?: string; readonly param?: string } = {},
  ) {
    super(message)
    this.status = more.status ?? 400
    this.code = more.code ?? null
    this.param = more.param ?? null
  }
}
