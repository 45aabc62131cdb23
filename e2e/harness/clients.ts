// How an agent reaches Airworthy: the official clients, and raw HTTP for what they would not send.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import OpenAI from 'openai'
import { asRecord, at, type Json } from './json.ts'

export type ToolReply = {
  readonly isError: boolean
  /** The structured content, else the text as JSON, else the text. */
  readonly value: unknown
  readonly meta: Json
}

export type AgentClients = {
  readonly openai: OpenAI
  /** A raw POST to the model endpoint of the session. */
  readonly post: (body: Json | string, options?: PostOptions) => Promise<ModelReply>
  /** `meta` is sent as the request's `_meta`. */
  readonly call: (tool: string, args?: Json, meta?: Json) => Promise<ToolReply>
  readonly listTools: () => Promise<string[]>
} & AsyncDisposable

export type PostOptions = {
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  readonly path?: string
}

export type ModelReply = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The code of an error of ours; undefined for a reply. */
  readonly code: string | undefined
}

const toolTimeoutMs = 60_000

export function agentClients(options: {
  url: string
  apiKey: string
  /** Undefined: the default session of the key. */
  sessionKey: string | undefined
  server?: string
}): AgentClients {
  const { apiKey, sessionKey } = options
  const base = sessionKey === undefined ? options.url : `${options.url}/s/${sessionKey}`
  let connecting: Promise<Client> | undefined
  const connect = async (): Promise<Client> => {
    const client = new Client({ name: 'e2e', version: '0' })
    const url = new URL(`${base}/mcp/${options.server ?? 'desk'}`)
    const requestInit = { headers: { authorization: `Bearer ${apiKey}` } }
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit }))
    return client
  }
  const mcp = (): Promise<Client> => (connecting ??= connect())
  return {
    openai: new OpenAI({ baseURL: `${base}/v1`, apiKey, maxRetries: 2 }),
    post: (body, more = {}) =>
      postJson(`${base}${more.path ?? '/v1/chat/completions'}`, {
        body,
        signal: more.signal,
        headers: { authorization: `Bearer ${apiKey}`, ...more.headers },
      }),
    call: async (tool, args = {}, meta = {}) => callTool(await mcp(), tool, { args, meta }),
    listTools: async () => (await (await mcp()).listTools()).tools.map((tool) => tool.name),
    [Symbol.asyncDispose]: async () => {
      const client = await connecting?.catch(() => undefined)
      await client?.close()
    },
  }
}

async function callTool(
  client: Client,
  name: string,
  { args, meta }: { args: Json; meta: Json },
): Promise<ToolReply> {
  const params = { name, arguments: { ...args }, _meta: { ...meta } }
  const result = await client.request({ method: 'tools/call', params }, CallToolResultSchema, {
    timeout: toolTimeoutMs,
  })
  const text = result.content.map((part) => (part.type === 'text' ? part.text : '')).join('')
  const value = result.structuredContent ?? parsed(text)
  return { isError: result.isError === true, value, meta: asRecord(at(result, '_meta') ?? {}) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export async function postJson(
  url: string,
  request: {
    body: Json | string
    headers: Readonly<Record<string, string>>
    signal?: AbortSignal | undefined
  },
): Promise<ModelReply> {
  const { body } = request
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...request.headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  })
  const text = await response.text()
  const code = at(parsed(text), 'error.code')
  return {
    status: response.status,
    headers: response.headers,
    text,
    code: typeof code === 'string' ? code : undefined,
  }
}

/** The body of a usual model call. */
export function chat(more: Json = {}): Json {
  return { model: 'fake', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 50, ...more }
}
