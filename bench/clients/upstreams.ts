// The kinds of upstream that every client is tried against, as an agent's manifest names them.
import type { FakeProvider } from '../../examples/provider/server.ts'

export type ModelApi = 'chat' | 'responses' | 'messages' | 'embeddings'

export type Upstream = {
  readonly name: string
  readonly wire: 'openai' | 'anthropic'
  readonly apis: readonly ModelApi[]
  /** Below the fake provider's address. */
  readonly path: string
  readonly auth?: 'api-key'
  readonly needsKey: boolean
}

const chat: readonly ModelApi[] = ['chat', 'embeddings']

export const upstreams: readonly Upstream[] = [
  { name: 'openai-chat', wire: 'openai', apis: chat, path: '/openai/v1', needsKey: true },
  {
    name: 'openai-responses',
    wire: 'openai',
    apis: ['responses', 'embeddings'],
    path: '/openai/v1',
    needsKey: true,
  },
  {
    name: 'anthropic',
    wire: 'anthropic',
    apis: ['messages'],
    path: '/anthropic/v1',
    needsKey: true,
  },
  { name: 'ollama', wire: 'openai', apis: chat, path: '/ollama/v1', needsKey: false },
  { name: 'vllm', wire: 'openai', apis: chat, path: '/vllm/v1', needsKey: false },
  { name: 'llama.cpp', wire: 'openai', apis: chat, path: '/llama.cpp/v1', needsKey: false },
  {
    name: 'azure',
    wire: 'openai',
    apis: chat,
    path: '/azure/openai/deployments/fake?api-version=2024-10-21',
    auth: 'api-key',
    needsKey: true,
  },
  { name: 'gemini', wire: 'openai', apis: chat, path: '/gemini/v1beta/openai', needsKey: true },
]

/** The variable of the server in which the fake's key stands. */
export const keyVariable = 'CLIENT_MATRIX_PROVIDER_KEY'

/** Each upstream as four models: as it is, slow, failing, and forbidden by the pact. */
const variants: readonly (readonly [string, string])[] = [
  ['', 'fake'],
  ['-slow', 'fake!latency:ms=0,chunkMs=20'],
  ['-failing', 'fake!status-400'],
  ['-forbidden', 'fake'],
]

const prices = { inputPerMillionUsd: '0.40', outputPerMillionUsd: '1.60' }

export function matrixManifest(
  provider: FakeProvider,
  { name: agent, kinds }: { name: string; kinds: readonly Upstream[] },
): string {
  const models = kinds.flatMap(({ name, wire, apis, path, auth, needsKey }) =>
    variants.map(([suffix, upstreamModel]) => ({
      name: `${name}${suffix}`,
      wire,
      apis,
      baseUrl: `${provider.url}${path}`,
      upstreamModel,
      ...(auth === undefined ? {} : { auth }),
      ...(needsKey ? { apiKeyEnv: keyVariable } : {}),
      prices,
      maxOutputTokens: 4096,
      contextTokens: 200_000,
      timeoutMs: 30_000,
    })),
  )
  // JSON is YAML.
  return JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: agent, owner: 'bench@example.com', stakes: 'low' },
    models,
    limits: {
      session: { calls: 1_000_000, tokens: 1_000_000_000_000, moneyUsd: '1000000' },
      agent: { tokens: 1_000_000_000_000 },
    },
    pact: {
      permissions: [
        { id: 'models', effect: 'allow', models: ['*'] },
        { id: 'forbidden', effect: 'deny', models: ['*-forbidden'], reason: 'never for agents' },
      ],
    },
  })
}
