// How one run reaches its model and its tools: the official clients, pointed at the gateway.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import OpenAI, { APIError } from 'openai'
import type {
  ChatCompletionMessageParam,
  ChatCompletionTool,
} from 'openai/resources/chat/completions'
import { z } from 'zod'
import { fromReply, toParams } from './openai-messages.ts'
import type { AssistantMessage, Message } from './recording.ts'

const TOOL_TIMEOUT_MS = 60_000

export type Route = {
  readonly modelBaseUrl: string
  readonly mcpUrl: string
  readonly apiKey: string
  /** Sent with each tool call: what the gateway would add, where there is no gateway. */
  readonly meta?: Readonly<Record<string, string>>
}

/** What the recordings lack. */
export type Prompt = {
  readonly system: string
  readonly tools: readonly ChatCompletionTool[]
}

/** The gateway said no, for good; `rules` are those of the pact that spoke. */
export type Refusal = {
  readonly kind: 'refused'
  readonly code: string
  readonly message: string
  readonly rules: readonly string[]
}

export type ModelAnswer =
  | { readonly kind: 'answered'; readonly reply: AssistantMessage; readonly latencyMs: number }
  | Refusal

export type ToolAnswer =
  | {
      readonly kind: 'answered'
      readonly text: string
      readonly isError: boolean
      /** The call whose stored result this is. */
      readonly repeatOf: string | null
    }
  | { readonly kind: 'held'; readonly id: string }
  | Refusal

export type Connection = AsyncDisposable & {
  complete(messages: readonly Message[]): Promise<ModelAnswer>
  callTool(call: {
    name: string
    arguments: Readonly<Record<string, unknown>>
  }): Promise<ToolAnswer>
}

const refusedSchema = z.looseObject({
  denied: z.literal(true),
  code: z.string(),
  message: z.string().default(''),
  rules: z.array(z.union([z.string(), z.looseObject({ rule: z.string() })])).default([]),
})
/** The gateway could not have the tool's answer, or does not know it yet. */
const failedSchema = z.looseObject({
  failed: z.literal(true),
  code: z.string(),
  message: z.string().default(''),
})
const heldSchema = z.looseObject({ held: z.literal(true), id: z.string() })
const repeatSchema = z.looseObject({ 'airworthy/repeat-of': z.string().nullish() })
const refusalBodySchema = z.looseObject({
  type: z.literal('airworthy_error'),
  code: z.string(),
  message: z.string().default(''),
  detail: z.looseObject({ rules: refusedSchema.shape.rules }).optional(),
})

/** Opens both clients. What neither answers nor refuses (a broken connection, a 5xx) throws. */
export async function connect(
  route: Route,
  options: {
    model: string
    prompt: Prompt
    isStreaming?: boolean
    modelRetries?: number
    toolTimeoutMs?: number
  },
): Promise<Connection> {
  const openai = new OpenAI({
    baseURL: route.modelBaseUrl,
    apiKey: route.apiKey,
    ...(options.modelRetries === undefined ? {} : { maxRetries: options.modelRetries }),
  })
  const mcp = await connectMcp(route)
  const timeout = options.toolTimeoutMs ?? TOOL_TIMEOUT_MS
  return {
    complete: (messages) => complete(openai, options, messages),
    callTool: async (call) => {
      const params = { ...call, ...(route.meta === undefined ? {} : { _meta: route.meta }) }
      const request = { method: 'tools/call' as const, params }
      return toolAnswerOf(await mcp.request(request, CallToolResultSchema, { timeout }))
    },
    [Symbol.asyncDispose]: () => mcp.close(),
  }
}

async function connectMcp(route: Route): Promise<Client> {
  const mcp = new Client({ name: 'airworthy-replay', version: '0.1.0' })
  const transport: Transport = new StreamableHTTPClientTransport(new URL(route.mcpUrl), {
    requestInit: { headers: { authorization: `Bearer ${route.apiKey}` } },
  })
  await mcp.connect(transport)
  return mcp
}

async function complete(
  openai: OpenAI,
  options: { model: string; prompt: Prompt; isStreaming?: boolean },
  messages: readonly Message[],
): Promise<ModelAnswer> {
  const { model, prompt, isStreaming = false } = options
  const system: ChatCompletionMessageParam = { role: 'system', content: prompt.system }
  const request = { model, messages: [system, ...toParams(messages)], tools: [...prompt.tools] }
  const startedMs = performance.now()
  try {
    const completion = isStreaming
      ? await openai.chat.completions
          .stream({ ...request, stream_options: { include_usage: true } })
          .finalChatCompletion()
      : await openai.chat.completions.create(request)
    const latencyMs = performance.now() - startedMs
    const message = completion.choices[0]?.message
    if (message === undefined) throw new Error('the model answered without a choice')
    return { kind: 'answered', reply: fromReply(message), latencyMs }
  } catch (error) {
    const refusal = modelRefusalOf(error)
    if (refusal === undefined) throw error
    return refusal
  }
}

// A refusal is the gateway's last word; a 5xx of its own says only that it could not decide.
function modelRefusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof APIError)) return undefined
  const body = refusalBodySchema.safeParse(error.error)
  if (!body.success || (error.status ?? 500) >= 500) return undefined
  const { code, message, detail } = body.data
  return { kind: 'refused', code, message, rules: (detail?.rules ?? []).map(ruleName) }
}

function toolAnswerOf(result: CallToolResult): ToolAnswer {
  const refused = refusedSchema.safeParse(result.structuredContent)
  if (refused.success) {
    const { code, message, rules } = refused.data
    return { kind: 'refused', code, message, rules: rules.map(ruleName) }
  }
  const failed = failedSchema.safeParse(result.structuredContent)
  if (failed.success) throw new Error(`${failed.data.code}: ${failed.data.message}`)
  const held = heldSchema.safeParse(result.structuredContent)
  if (held.success) return { kind: 'held', id: held.data.id }
  const texts = result.content.flatMap((item) => (item.type === 'text' ? [item.text] : []))
  const { _meta: marks = {} } = result
  const meta = repeatSchema.safeParse(marks)
  return {
    kind: 'answered',
    text: texts.join(''),
    isError: result.isError ?? false,
    repeatOf: meta.data?.['airworthy/repeat-of'] ?? null,
  }
}

function ruleName(rule: string | { rule: string }): string {
  return typeof rule === 'string' ? rule : rule.rule
}
