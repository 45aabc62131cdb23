// How providers that speak "the same" wire differ, as far as a gateway meets it. Taken from their
// documentation and from reports of users; the README says which difference is whose.
import type { Wire } from './asked.ts'
import { hexOf, lettersOf } from './digest.ts'

export type FlavourName =
  | 'openai'
  | 'anthropic'
  | 'ollama'
  | 'vllm'
  | 'llama.cpp'
  | 'azure'
  | 'gemini'

export type Flavour = {
  readonly name: FlavourName
  readonly wires: readonly Wire[]
  /** What the path must begin with, after the flavour's own prefix. */
  readonly paths: RegExp
  /** Where the key is read; `none`: any request is let in. */
  readonly auth: 'bearer' | 'x-api-key' | 'api-key' | 'none'
  /** Azure: `?api-version=` must be there. */
  readonly needsApiVersion: RegExp | undefined
  /** Refuses top-level fields that it does not know. */
  readonly isStrict: boolean
  readonly chat: ChatStyle
  /** The error's body, in this provider's shape. */
  readonly error: (fault: ProviderError) => unknown
  /** Embeddings as base64 where the client asks for it. */
  readonly encodesEmbeddings: boolean
}

export type ProviderError = {
  readonly status: number
  readonly message: string
  readonly code: string | null
  readonly param: string | null
  readonly requestId: string
}

export type ChatStyle = {
  readonly id: (seed: string) => string
  readonly toolCallId: (seed: string) => string
  readonly fingerprint: string | undefined
  /** Where reasoning is told, if at all. */
  readonly reasoningField: 'reasoning_content' | 'reasoning' | undefined
  /** `asked`: a chunk without choices at the end; `each`: in every chunk, running. */
  readonly streamUsage: 'asked' | 'each'
  /** Arguments in pieces, or a whole call in one chunk. */
  readonly toolArguments: 'pieces' | 'whole'
  readonly hasToolIndex: boolean
  /** Gemini ends a stream with "stop" though it calls tools. */
  readonly streamedCallsFinish: 'tool_calls' | 'stop'
  /** Gemini leaves reasoning out of `completion_tokens`, but not out of the total. */
  readonly countsReasoning: boolean
  readonly hasUsageDetails: boolean
  /** More members of a reply or of its last chunk. */
  readonly more: (counts: { prompt: number; output: number }) => object
  readonly moreInChoice: object
  /** Azure begins with a chunk that has no choices. */
  readonly firstChunk: object | undefined
}

const openaiChat: ChatStyle = {
  id: (seed) => `chatcmpl-${lettersOf(29, seed)}`,
  toolCallId: (seed) => `call_${lettersOf(24, seed)}`,
  fingerprint: 'fp_fake0001',
  reasoningField: undefined,
  streamUsage: 'asked',
  toolArguments: 'pieces',
  hasToolIndex: true,
  streamedCallsFinish: 'tool_calls',
  countsReasoning: true,
  hasUsageDetails: true,
  more: () => ({ service_tier: 'default' }),
  moreInChoice: {},
  firstChunk: undefined,
}

const openaiTypes: Readonly<Record<number, string>> = {
  401: 'invalid_request_error',
  429: 'rate_limit_error',
  500: 'server_error',
  502: 'server_error',
  503: 'server_error',
}

function openaiError({ status, message, code, param }: ProviderError): object {
  return { error: { message, type: openaiTypes[status] ?? 'invalid_request_error', param, code } }
}

const anthropicTypes: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  529: 'overloaded_error',
}

function anthropicError({ status, message, requestId }: ProviderError): object {
  const type = anthropicTypes[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error')
  return { type: 'error', error: { type, message }, request_id: requestId }
}

const vllmTypes: Readonly<Record<number, string>> = {
  400: 'BadRequestError',
  401: 'AuthenticationError',
  404: 'NotFoundError',
  429: 'RateLimitError',
}

const geminiStates: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
}

const unfiltered = { hate: { filtered: false, severity: 'safe' } }

const openai: Flavour = {
  name: 'openai',
  wires: ['chat', 'responses', 'embeddings'],
  paths: /^\/v1\//,
  auth: 'bearer',
  needsApiVersion: undefined,
  isStrict: true,
  chat: openaiChat,
  error: openaiError,
  encodesEmbeddings: true,
}

const local = { auth: 'none', isStrict: false, wires: ['chat', 'embeddings'] } as const

export const flavours: Readonly<Record<FlavourName, Flavour>> = {
  openai,
  anthropic: {
    ...openai,
    name: 'anthropic',
    wires: ['messages'],
    auth: 'x-api-key',
    error: anthropicError,
  },
  ollama: {
    ...openai,
    ...local,
    name: 'ollama',
    chat: {
      ...openaiChat,
      id: (seed) => `chatcmpl-${Number.parseInt(hexOf(4, seed), 16) % 1000}`,
      toolCallId: (seed) => `call_${lettersOf(8, seed).toLowerCase()}`,
      fingerprint: 'fp_ollama',
      reasoningField: 'reasoning',
      toolArguments: 'whole',
      hasUsageDetails: false,
      more: () => ({}),
    },
    error: ({ status, message }) => {
      const type = status === 404 ? 'not_found_error' : status >= 500 ? 'api_error' : undefined
      const error = { message, type: type ?? 'invalid_request_error', param: null, code: null }
      return { error }
    },
    encodesEmbeddings: false,
  },
  vllm: {
    ...openai,
    ...local,
    name: 'vllm',
    chat: {
      ...openaiChat,
      id: (seed) => `chatcmpl-${hexOf(32, seed)}`,
      toolCallId: (seed) => `chatcmpl-tool-${hexOf(32, seed)}`,
      fingerprint: undefined,
      reasoningField: 'reasoning_content',
      hasUsageDetails: false,
      more: () => ({ service_tier: null, prompt_logprobs: null, kv_transfer_params: null }),
      moreInChoice: { stop_reason: null },
    },
    error: ({ status, message, param }) => ({
      error: { message, type: vllmTypes[status] ?? 'InternalServerError', param, code: status },
    }),
  },
  'llama.cpp': {
    ...openai,
    ...local,
    name: 'llama.cpp',
    chat: {
      ...openaiChat,
      id: (seed) => `chatcmpl-${lettersOf(32, seed)}`,
      toolCallId: (seed) => lettersOf(32, 'tool', seed),
      fingerprint: 'b9554-fake',
      reasoningField: 'reasoning_content',
      hasUsageDetails: false,
      more: ({ prompt, output }) => ({
        timings: { cache_n: 0, prompt_n: prompt, prompt_ms: 12.5, predicted_n: output },
      }),
    },
    error: ({ status, message }) => {
      const type = status >= 500 ? 'server_error' : 'invalid_request_error'
      return { error: { code: status, message, type } }
    },
  },
  azure: {
    ...openai,
    name: 'azure',
    wires: ['chat', 'responses', 'embeddings'],
    paths: /^\/openai\/(?:deployments\/[\w.-]+|v1)\//,
    auth: 'api-key',
    needsApiVersion: /^\/openai\/deployments\//,
    chat: {
      ...openaiChat,
      more: () => ({
        prompt_filter_results: [{ prompt_index: 0, content_filter_results: unfiltered }],
      }),
      moreInChoice: { content_filter_results: unfiltered },
      firstChunk: {
        id: '',
        object: '',
        created: 0,
        model: '',
        choices: [],
        prompt_filter_results: [{ prompt_index: 0, content_filter_results: unfiltered }],
      },
    },
    error: ({ status, message, code, param }) => ({
      error: { code: code ?? String(status), message, param, type: null },
    }),
  },
  gemini: {
    ...openai,
    name: 'gemini',
    wires: ['chat', 'embeddings'],
    paths: /^\/v1beta\/openai\//,
    isStrict: false,
    chat: {
      ...openaiChat,
      id: (seed) => lettersOf(22, seed),
      toolCallId: (seed) => `function-call-${Number.parseInt(hexOf(12, seed), 16)}`,
      fingerprint: undefined,
      streamUsage: 'each',
      toolArguments: 'whole',
      hasToolIndex: false,
      streamedCallsFinish: 'stop',
      countsReasoning: false,
      hasUsageDetails: false,
      more: () => ({}),
    },
    // A list, of all things.
    error: ({ status, message }) => [
      { error: { code: status, message, status: geminiStates[status] ?? 'INTERNAL' } },
    ],
    encodesEmbeddings: false,
  },
}

export function isFlavourName(name: string): name is FlavourName {
  return Object.hasOwn(flavours, name)
}
