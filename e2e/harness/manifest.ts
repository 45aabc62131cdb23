// The agent that the tests enrol: every part can be replaced. JSON is YAML, so this is a manifest.
import type { Json } from './json.ts'

const probe = { tool: 'probe_effect', arguments: { key: '{{effect.key}}' } }
const undo = { tool: 'undo_effect', arguments: { key: '{{effect.key}}' } }

export const reversible: Json = {
  effect: 'reversible',
  undo,
  probe: { ...probe, done: 'result.found == true' },
}

const openDoors: readonly Json[] = [
  { id: 'models', effect: 'allow', models: ['*'] },
  { id: 'tools', effect: 'allow', tools: ['desk/*'] },
]

export type ManifestOptions = {
  readonly name: string
  readonly modelBaseUrl: string
  readonly toolsUrl: string
  readonly toolTimeoutMs?: number
  readonly modelTimeoutMs?: number
  readonly wire?: 'openai' | 'anthropic'
  readonly upstreamModel?: string
  readonly apiKeyEnv?: string
  readonly prompts?: readonly Json[]
  readonly drift?: Json
  readonly toolServers?: Json
  readonly tools?: Json
  readonly limits?: Json
  readonly holdExpiresAfterSeconds?: number
  readonly runs?: Json
  /** After the two rules that allow everything. */
  readonly rules?: readonly Json[]
  /** Instead of all rules. */
  readonly permissions?: readonly Json[]
  /** More of the model; undefined takes a member away. */
  readonly model?: Json
  /** More of the pact, and of the manifest. */
  readonly pact?: Json
  readonly more?: Json
  readonly stakes?: 'low' | 'medium' | 'high'
}

/** Prices: 400 nano-USD a prompt token, 100 a cached one, 1,600 a completion token. */
export const prices = {
  inputPerMillionUsd: '0.40',
  cachedInputPerMillionUsd: '0.10',
  outputPerMillionUsd: '1.60',
}

/** What the usual usage of the fake provider costs at these prices. */
export const usualCostNanoUsd = 60 * 400 + 40 * 100 + 20 * 1600
export const usualTokens = 120

export function manifestText(options: ManifestOptions): string {
  const { upstreamModel, apiKeyEnv } = options
  return JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: options.name, owner: 'tests@example.com', stakes: options.stakes ?? 'low' },
    models: [
      {
        name: 'fake',
        wire: options.wire ?? 'openai',
        baseUrl: options.modelBaseUrl,
        prices,
        maxOutputTokens: 1000,
        timeoutMs: options.modelTimeoutMs ?? 20_000,
        ...(upstreamModel === undefined ? {} : { upstreamModel }),
        ...(apiKeyEnv === undefined ? {} : { apiKeyEnv }),
        ...options.model,
      },
    ],
    prompts: options.prompts ?? [],
    drift: options.drift ?? {},
    toolServers: options.toolServers ?? {
      desk: {
        transport: 'http',
        url: options.toolsUrl,
        timeoutMs: options.toolTimeoutMs ?? 20_000,
      },
    },
    tools: options.tools ?? {
      'desk/find_customer': { effect: 'read' },
      'desk/get_order': { effect: 'read' },
      'desk/write_order': reversible,
      'desk/refund': { ...reversible, amount: { argument: 'amount', currency: 'USD' } },
      'desk/notify': { effect: 'irreversible' },
    },
    limits: options.limits ?? {},
    holdExpiresAfterSeconds: options.holdExpiresAfterSeconds ?? 3600,
    ...(options.runs === undefined ? {} : { runs: options.runs }),
    pact: {
      permissions: options.permissions ?? [...openDoors, ...(options.rules ?? [])],
      ...options.pact,
    },
    ...options.more,
  })
}
