// What drills ask of a model, on each wire that a client may speak.

export type ClientApi = 'chat' | 'responses' | 'messages'

export type Ask = {
  readonly api: ClientApi
  readonly model: string
  /** Marks the request in the books of the fake provider. */
  readonly user: string
  readonly stream: boolean
  /** One line that the model is to say, or the call of a tool that it is to make. */
  readonly wanted: Wanted
  readonly maxTokens?: number
}

export type Wanted =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tool'; readonly arguments: Readonly<Record<string, unknown>> }
  | { readonly kind: 'tokens'; readonly count: number }

export const toolName = 'get_weather'

export const apiPaths: Readonly<Record<ClientApi, string>> = {
  chat: '/v1/chat/completions',
  responses: '/v1/responses',
  messages: '/v1/messages',
}

const maxTokensDefault = 128
const toolText = 'The weather of a city'
const toolParameters = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'array', items: { type: 'integer' } } },
  required: ['city'],
}

export function requestBody(ask: Ask): string {
  const { api, model, user, stream, wanted } = ask
  const limit = ask.maxTokens ?? maxTokensDefault
  const content = instruction(wanted)
  const hasTool = wanted.kind === 'tool'
  const described = { name: toolName, description: toolText }
  if (api === 'messages') {
    const tools = [{ ...described, input_schema: toolParameters }]
    return JSON.stringify({
      model,
      max_tokens: limit,
      stream,
      metadata: { user_id: user },
      messages: [{ role: 'user', content }],
      ...(hasTool ? { tools } : {}),
    })
  }
  if (api === 'responses') {
    const tools = [{ type: 'function', ...described, parameters: toolParameters, strict: false }]
    return JSON.stringify({
      model,
      max_output_tokens: limit,
      stream,
      store: false,
      user,
      input: content,
      ...(hasTool ? { tools } : {}),
    })
  }
  const tools = [{ type: 'function', function: { ...described, parameters: toolParameters } }]
  return JSON.stringify({
    model,
    max_tokens: limit,
    stream,
    user,
    messages: [{ role: 'user', content }],
    ...(hasTool ? { tools } : {}),
  })
}

function instruction(wanted: Wanted): string {
  if (wanted.kind === 'text') return `say exactly: ${wanted.text}`
  if (wanted.kind === 'tokens') return `write ${wanted.count} tokens`
  return `call ${toolName} with ${JSON.stringify(wanted.arguments)}`
}
