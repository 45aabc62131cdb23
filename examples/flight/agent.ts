// The example agent: the official clients, pointed at Airworthy. It knows the two addresses, its
// own API key and its own signing key; it has neither the provider's key nor a way to the shop.
import { createSigningFetch, type PrivateJwk } from '@airworthy/sdk'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import OpenAI, { APIError } from 'openai'
import type {
  ChatCompletion,
  ChatCompletionMessageFunctionToolCall,
  ChatCompletionMessageParam,
  ChatCompletionTool,
} from 'openai/resources/chat/completions'
import { z } from 'zod'

/** For the case that nothing else ends a turn: budgets are the gateway's business. */
const STEPS_MAX = 50
const TOOL_TIMEOUT_MS = 60_000

export type AgentOptions = {
  readonly modelBaseUrl: string
  readonly mcpUrl: string
  readonly apiKey: string
  /** The API key is bound to it: a request that it did not sign is refused. */
  readonly signingKey: PrivateJwk
  readonly model: string
  readonly systemPrompt: string
  readonly isStreaming: boolean
  readonly signal: AbortSignal
  readonly onEvent: (event: AgentEvent) => void
}

export type AgentEvent =
  | {
      readonly kind: 'model'
      readonly completionId: string
      readonly latencyMs: number
      readonly isStreamed: boolean
    }
  | { readonly kind: 'tool'; readonly name: string; readonly outcome: ToolOutcome }
  | { readonly kind: 'reply'; readonly text: string }
  | { readonly kind: 'stopped'; readonly code: string; readonly message: string }

export type ToolOutcome =
  | { readonly kind: 'done' }
  /** Answered from the stored result of an earlier call. */
  | { readonly kind: 'repeated'; readonly repeatOf: string }
  | { readonly kind: 'denied'; readonly code: string; readonly message: string }
  | { readonly kind: 'held'; readonly holdId: string; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }

export type Agent = AsyncDisposable & {
  /** Takes what the customer says and works until it has a reply. False: a model call was refused. */
  hear(text: string): Promise<boolean>
}

type Clients = {
  readonly openai: OpenAI
  readonly mcp: Client
  readonly tools: ChatCompletionTool[]
}

export async function openAgent(options: AgentOptions): Promise<Agent> {
  const { modelBaseUrl, apiKey, systemPrompt } = options
  const fetch = createSigningFetch({ key: options.signingKey })
  // Without the nulls the client would take these from the environment of this process.
  const openai = new OpenAI({
    baseURL: modelBaseUrl,
    apiKey,
    fetch,
    organization: null,
    project: null,
  })
  const mcp = new Client({ name: 'retail-desk', version: '0.1.0' })
  const transport: Transport = new StreamableHTTPClientTransport(new URL(options.mcpUrl), {
    fetch,
    requestInit: { headers: { authorization: `Bearer ${apiKey}` } },
  })
  await mcp.connect(transport)
  const listed = await mcp.listTools()
  const tools = listed.tools.map((tool): ChatCompletionTool => ({
    type: 'function',
    function: {
      name: tool.name,
      description: tool.description ?? '',
      parameters: tool.inputSchema,
    },
  }))
  const messages: ChatCompletionMessageParam[] = [{ role: 'system', content: systemPrompt }]
  return {
    hear: (text) => {
      messages.push({ role: 'user', content: text })
      return work(options, { openai, mcp, tools }, messages)
    },
    [Symbol.asyncDispose]: () => mcp.close(),
  }
}

/** Model, tools, model, tools, until the model has something to say. */
async function work(
  options: AgentOptions,
  clients: Clients,
  messages: ChatCompletionMessageParam[],
): Promise<boolean> {
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const completion = await askModel(options, clients, messages)
    const message = completion?.choices[0]?.message
    if (message === undefined) return false
    messages.push(message)
    const calls = (message.tool_calls ?? []).filter((call) => call.type === 'function')
    if (calls.length === 0) {
      options.onEvent({ kind: 'reply', text: message.content ?? '' })
      return true
    }
    for (const call of calls) {
      const content = await callTool(options, clients.mcp, call)
      messages.push({ role: 'tool', tool_call_id: call.id, content })
    }
  }
  options.onEvent({
    kind: 'stopped',
    code: 'agent.steps',
    message: `${STEPS_MAX} steps are enough`,
  })
  return false
}

async function askModel(
  options: AgentOptions,
  { openai, tools }: Clients,
  messages: ChatCompletionMessageParam[],
): Promise<ChatCompletion | undefined> {
  const { isStreaming, signal, onEvent } = options
  const request = { model: options.model, messages, tools }
  const startedMs = performance.now()
  try {
    const completion = isStreaming
      ? await openai.chat.completions
          .stream({ ...request, stream_options: { include_usage: true } }, { signal })
          .finalChatCompletion()
      : await openai.chat.completions.create(request, { signal })
    const latencyMs = performance.now() - startedMs
    onEvent({ kind: 'model', completionId: completion.id, latencyMs, isStreamed: isStreaming })
    return completion
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === undefined) throw error
    onEvent({ kind: 'stopped', ...refusal })
    return undefined
  }
}

const refusalSchema = z.looseObject({
  type: z.literal('airworthy_error'),
  code: z.string(),
  message: z.string(),
})

function refusalOf(error: unknown): { code: string; message: string } | undefined {
  if (!(error instanceof APIError)) return undefined
  const { data } = refusalSchema.safeParse(error.error)
  return data === undefined ? undefined : { code: data.code, message: data.message }
}

/** Whatever comes back is for the model to read: a refusal too. */
async function callTool(
  { signal, onEvent }: AgentOptions,
  mcp: Client,
  call: ChatCompletionMessageFunctionToolCall,
): Promise<string> {
  const { name } = call.function
  const args = parseArguments(call.function.arguments)
  if (args === undefined) {
    onEvent({ kind: 'tool', name, outcome: { kind: 'failed', message: 'no JSON arguments' } })
    return 'Error: the arguments must be a JSON object'
  }
  const result = await mcp.request(
    { method: 'tools/call', params: { name, arguments: args } },
    CallToolResultSchema,
    { timeout: TOOL_TIMEOUT_MS, signal },
  )
  const text = result.content.map((part) => (part.type === 'text' ? part.text : '')).join('')
  const { structuredContent, _meta: meta, isError = false } = result
  onEvent({ kind: 'tool', name, outcome: readOutcome({ structuredContent, meta, isError, text }) })
  return text
}

function parseArguments(text: string): Record<string, unknown> | undefined {
  try {
    return z.record(z.string(), z.unknown()).safeParse(JSON.parse(text === '' ? '{}' : text)).data
  } catch {
    return undefined
  }
}

const metaSchema = z.looseObject({ 'airworthy/repeat-of': z.string().optional() })
const contentSchema = z.looseObject({
  denied: z.literal(true).optional(),
  held: z.literal(true).optional(),
  id: z.string().default(''),
  code: z.string().default(''),
  message: z.string().default(''),
})

function readOutcome(result: {
  structuredContent: unknown
  meta: unknown
  isError: boolean
  text: string
}): ToolOutcome {
  const content = result.isError
    ? contentSchema.safeParse(result.structuredContent).data
    : undefined
  if (content?.denied === true) {
    return { kind: 'denied', code: content.code, message: content.message }
  }
  if (content?.held === true) {
    return { kind: 'held', holdId: content.id, message: content.message }
  }
  if (result.isError) return { kind: 'failed', message: content?.message ?? result.text }
  const repeatOf = metaSchema.safeParse(result.meta).data?.['airworthy/repeat-of']
  return repeatOf === undefined ? { kind: 'done' } : { kind: 'repeated', repeatOf }
}
