// The model wires by their API, and which of them an endpoint is asked on.
import type { CompiledEndpoint } from '../../core/pact/compiled.ts'
import type { ModelApi } from '../../core/wires/model-api.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiEmbeddings } from './openai-embeddings.ts'
import { openaiResponses } from './openai-responses.ts'
import type { ModelWire } from './wire.ts'

export const modelWires: Readonly<Record<ModelApi, ModelWire>> = {
  chat: openaiChat,
  responses: openaiResponses,
  messages: anthropicMessages,
  embeddings: openaiEmbeddings,
}

/** What other APIs are translated to, the first that the endpoint has. */
const translated: readonly ModelApi[] = ['chat', 'responses', 'messages']

/**
 * The wire on which an endpoint serves what a client asks: the client's own where it speaks that.
 * Undefined where there is nothing to translate to.
 */
export function upstreamWire(endpoint: CompiledEndpoint, client: ModelWire): ModelWire | undefined {
  if (endpoint.apis.has(client.api)) return client
  if (client.api === 'embeddings' || client.isSameWireOnly === true) return undefined
  const api = translated.find((one) => endpoint.apis.has(one))
  return api && modelWires[api]
}
