// What a manifest says of models, checked and compiled. One endpoint in short is a pool of one.
import { decimalToUnits } from '../effect/amount.ts'
import type { PriceLookup } from '../pricing/lookup.ts'
import type { ModelApi } from '../wires/model-api.ts'
import type { BoundRules, CompiledEndpoint, CompiledModel, RetryPolicy } from './compiled.ts'
import { compileCache } from './cache-schema.ts'
import type { Manifest } from './manifest-schema.ts'
import { checkModelPrices, priceUnknownProblem, pricesOfEndpoint } from './model-prices.ts'
import { problemAt } from './problem.ts'
import type { PactProblem, PathStep } from './problem.ts'
import { hint } from './suggest.ts'

type Model = Manifest['models'][number]
type Endpoint = NonNullable<Model['endpoints']>[number]

/** The name of the endpoint of a model that is written in short. */
export const defaultEndpointName = 'default'
const minOutputTokensDefault = 64
const redirectsMax = 5

const retriesDefault: RetryPolicy = {
  attempts: 3,
  baseDelayMs: 250,
  maxDelayMs: 8000,
  retryAfterMaxMs: 20_000,
}
/** A model in short is tried once, as ever: its client's own retries are enough. */
const noRetries: RetryPolicy = { ...retriesDefault, attempts: 1 }

/** What only an endpoint says where endpoints are listed. */
const shortFields = [
  'wire',
  'baseUrl',
  'apis',
  'upstreamModel',
  'apiKeyEnv',
  'apiKeyEnvs',
  'auth',
  'outputLimitField',
  'probe',
] as const

export function compileModel(
  model: Model,
  options: {
    readonly bound: BoundRules
    readonly listable: boolean
    readonly findPrice: PriceLookup
  },
): CompiledModel {
  const { bound, listable, findPrice } = options
  const { name, maxOutputTokens, timeoutMs, contextTokens, onBudget } = model
  return {
    name,
    endpoints: endpointsOf(model).map((endpoint) => compileEndpoint(endpoint, model, findPrice)),
    balance: model.balance ?? 'weighted',
    maxOutputTokens,
    minOutputTokens: Math.min(model.minOutputTokens ?? minOutputTokensDefault, maxOutputTokens),
    contextTokens,
    tokenizer: model.tokenizer ?? 'bytes',
    timeoutMs,
    firstByteTimeoutMs: Math.min(model.firstByteTimeoutMs ?? timeoutMs, timeoutMs),
    idleTimeoutMs: Math.min(model.idleTimeoutMs ?? timeoutMs, timeoutMs),
    retries: model.retries ?? (model.endpoints === undefined ? noRetries : retriesDefault),
    onBudget,
    unknownPriceHold:
      model.unknownPriceHoldUsd === undefined
        ? undefined
        : decimalToUnits(model.unknownPriceHoldUsd, 9),
    cache: compileCache(model.cache),
    listable,
    bound,
  }
}

/** The endpoints of a model; of one in short, the one that it is. */
export function endpointsOf(model: Model): Endpoint[] {
  if (model.endpoints !== undefined) return model.endpoints
  const { wire, baseUrl } = model
  if (wire === undefined || baseUrl === undefined) return []
  const { apis, upstreamModel, apiKeyEnv, apiKeyEnvs, auth, outputLimitField, probe } = model
  const own = { apis, upstreamModel, apiKeyEnv, apiKeyEnvs, auth, outputLimitField, probe }
  return [{ name: defaultEndpointName, wire, baseUrl, ...own }]
}

function compileEndpoint(
  endpoint: Endpoint,
  model: Model,
  findPrice: PriceLookup,
): CompiledEndpoint {
  const { name, wire, baseUrl, apiKeyEnv, apiKeyEnvs } = endpoint
  return {
    name,
    wire,
    baseUrl,
    apis: new Set(endpoint.apis ?? defaultApis(wire, baseUrl)),
    upstreamModel: endpoint.upstreamModel ?? model.name,
    apiKeyEnvs: apiKeyEnvs ?? (apiKeyEnv === undefined ? [] : [apiKeyEnv]),
    auth: endpoint.auth ?? (wire === 'anthropic' ? 'x-api-key' : 'bearer'),
    tier: endpoint.tier ?? 0,
    weight: endpoint.weight ?? 1,
    outputLimitField: endpoint.outputLimitField ?? defaultLimitField(baseUrl),
    provider: endpoint.provider ?? model.provider,
    prices: pricesOfEndpoint(endpoint, model, findPrice),
    probe: endpoint.probe,
  }
}

/** Only OpenAI itself can be trusted to have the Responses API. */
function defaultApis(wire: Endpoint['wire'], baseUrl: string): readonly ModelApi[] {
  if (wire === 'anthropic') return ['messages']
  const isOpenAi = baseUrl.startsWith('https://api.openai.com/')
  return isOpenAi ? ['chat', 'responses', 'embeddings'] : ['chat', 'embeddings']
}

/** OpenAI's models that think refuse the older name; others may not know the newer one. */
function defaultLimitField(baseUrl: string): CompiledEndpoint['outputLimitField'] {
  const isOpenAi = /^https:\/\/(?:api\.openai\.com|[\w.-]+\.azure\.com)[/:]/.test(baseUrl)
  return isOpenAi ? 'max_completion_tokens' : 'max_tokens'
}

/** What is wrong with the models of a manifest of the right shape. */
export function checkModels(manifest: Manifest): PactProblem[] {
  return manifest.models.flatMap((model, index) => {
    const path = ['models', index]
    return [
      ...checkShape(model, path),
      ...checkEndpoints(model, path),
      ...checkModelPrices(model, path),
      ...checkRedirect(manifest, model, path),
      ...checkEmbeddings(manifest, model, path),
    ]
  })
}

/** The model that embeds for a semantic cache is one of the manifest, and can. */
function checkEmbeddings(
  manifest: Manifest,
  model: Model,
  path: readonly PathStep[],
): PactProblem[] {
  const value = model.cache?.semantic?.embeddings
  if (value === undefined) return []
  const embeds = manifest.models.filter((each) =>
    endpointsOf(each).some(({ apis, wire, baseUrl }) =>
      (apis ?? defaultApis(wire, baseUrl)).includes('embeddings'),
    ),
  )
  const names = embeds.map((each) => each.name)
  if (names.includes(value)) return []
  const expected = 'a model of this manifest that speaks embeddings'
  const at = [...path, 'cache', 'semantic', 'embeddings']
  return [problemAt(at, { value, expected, hint: hint(value, names) })]
}

function checkShape(model: Model, path: readonly PathStep[]): PactProblem[] {
  if (model.endpoints === undefined) {
    const missing = [
      { field: 'wire', value: model.wire, expected: 'openai or anthropic' },
      { field: 'baseUrl', value: model.baseUrl, expected: 'an http:// or https:// URL' },
    ]
    return missing.flatMap(({ field, value, expected }) =>
      value === undefined ? [problemAt([...path, field], { value, expected })] : [],
    )
  }
  return shortFields.flatMap((field) =>
    model[field] === undefined
      ? []
      : [
          problemAt([...path, field], {
            value: model[field],
            expected: 'nothing here: each of the endpoints says it',
          }),
        ],
  )
}

function checkEndpoints(model: Model, path: readonly PathStep[]): PactProblem[] {
  const names = endpointsOf(model).map((endpoint) => endpoint.name)
  const isShort = model.endpoints === undefined
  return endpointsOf(model).flatMap((endpoint, index) => {
    const place = isShort ? path : [...path, 'endpoints', index]
    const problems: PactProblem[] = []
    if (names.indexOf(endpoint.name) !== index) {
      const expected = 'one name for each endpoint of a model, and this one is taken'
      problems.push(problemAt([...place, 'name'], { value: endpoint.name, expected }))
    }
    if (endpoint.apiKeyEnv !== undefined && endpoint.apiKeyEnvs !== undefined) {
      const expected = 'either apiKeyEnv or apiKeyEnvs'
      problems.push(problemAt([...place, 'apiKeyEnvs'], { value: endpoint.apiKeyEnvs, expected }))
    }
    const foreign = endpoint.apis?.find((api) => (api === 'messages') !== isAnthropic(endpoint))
    if (foreign !== undefined) {
      const expected = isAnthropic(endpoint)
        ? 'messages alone: that is what the anthropic wire has'
        : 'chat, responses or embeddings: messages is of the anthropic wire'
      problems.push(problemAt([...place, 'apis'], { value: foreign, expected }))
    }
    return problems
  })
}

function isAnthropic(endpoint: Endpoint): boolean {
  return endpoint.wire === 'anthropic'
}

/** Endpoints whose price nobody knows, for a manifest that is to be enrolled. */
export function checkPricesKnown(manifest: Manifest, findPrice: PriceLookup): PactProblem[] {
  return manifest.models.flatMap((model, index) =>
    endpointsOf(model).flatMap((endpoint, at) => {
      const own = model.endpoints === undefined ? [] : ['endpoints', at]
      return priceUnknownProblem(endpoint, { model, place: ['models', index, ...own], findPrice })
    }),
  )
}

function checkRedirect(manifest: Manifest, model: Model, path: readonly PathStep[]): PactProblem[] {
  const value = model.onBudget?.redirect
  if (value === undefined) return []
  const place = [...path, 'onBudget', 'redirect']
  const models = new Map(manifest.models.map((one) => [one.name, one]))
  if (!models.has(value)) {
    const expected = 'a model of this manifest'
    return [problemAt(place, { value, expected, hint: hint(value, [...models.keys()]) })]
  }
  let next: string | undefined = value
  for (let steps = 0; next !== undefined; steps += 1) {
    if (next === model.name || steps >= redirectsMax) {
      const expected = `a chain of at most ${redirectsMax} models that does not come back`
      return [problemAt(place, { value, expected })]
    }
    next = models.get(next)?.onBudget?.redirect
  }
  return []
}
