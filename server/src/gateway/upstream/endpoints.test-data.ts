// Models and endpoints for tests.
import type { CompiledEndpoint, CompiledModel } from '../../core/pact/compiled.ts'

/** An OpenAI endpoint without a key, at a host of its own. */
export function endpointOf(name: string, more: Partial<CompiledEndpoint> = {}): CompiledEndpoint {
  return {
    name,
    wire: 'openai',
    apis: new Set(['chat', 'embeddings']),
    baseUrl: `http://${name}.example/v1`,
    upstreamModel: 'm',
    apiKeyEnvs: [],
    auth: 'bearer',
    tier: 0,
    weight: 1,
    outputLimitField: 'max_tokens',
    prices: undefined,
    probe: undefined,
    ...more,
  }
}

export function modelOf(
  endpoints: readonly CompiledEndpoint[],
  balance: CompiledModel['balance'] = 'weighted',
): CompiledModel {
  return {
    name: 'm',
    endpoints,
    balance,
    maxOutputTokens: 100,
    minOutputTokens: 64,
    contextTokens: undefined,
    tokenizer: 'bytes',
    timeoutMs: 60_000,
    firstByteTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    retries: { attempts: 3, baseDelayMs: 250, maxDelayMs: 8000, retryAfterMaxMs: 20_000 },
    onBudget: undefined,
    unknownPriceHold: undefined,
    listable: true,
    bound: {
      rules: [],
      counts: { made: [], done: [], failed: [], unknown: [] },
      readArgs: () => ({}),
    },
  }
}
