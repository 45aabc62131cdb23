// What a version is, and what a pact is, as hashes of canonical JSON: no key order, no YAML
// formatting.
import { canonicalJson, sha256Hex } from '../canonical.ts'
import type { ToolSchemas } from './compiled.ts'
import type { Manifest } from './manifest-schema.ts'

export type Fingerprint = {
  readonly components: {
    readonly model: string
    readonly prompt: string
    readonly tools: string
    readonly settings: string
  }
  /** The agent's version: the four components together. */
  readonly version: string
}

/** The version of an agent: model, prompt, tools as the servers list them, settings. */
export function fingerprint(manifest: Manifest, toolSchemas: ToolSchemas): Fingerprint {
  const components = {
    model: hashOf(manifest.models.map(modelIdentity).toSorted(byName)),
    prompt: hashOf(manifest.prompts.toSorted(byName)),
    tools: hashOf({ servers: serverIdentities(manifest.toolServers), toolSchemas }),
    settings: hashOf(manifest.settings),
  }
  return { components, version: hashOf(components) }
}

/**
 * The version of a pact: permissions, promises, contracts, limits, and all that decides what a call
 * may do or cost. An emergency rule changes it and leaves the agent's version alone.
 */
export function pactHash(manifest: Manifest): string {
  // Tests say what is meant and permit nothing.
  const { tests: _tests, ...pact } = manifest.pact
  const { tools, limits, holdExpiresAfterSeconds, drift } = manifest
  const { scopes, tasks, defaultTask, runs, approvals } = manifest
  const prices = manifest.models.map(modelTerms).toSorted(byName)
  const timeouts = Object.entries(manifest.toolServers).map(([name, { timeoutMs }]) => [
    name,
    timeoutMs,
  ])
  return hashOf({
    pact,
    tools,
    limits,
    holdExpiresAfterSeconds,
    drift,
    prices,
    timeouts: Object.fromEntries(timeouts),
    stakes: manifest.agent.stakes,
    ...(runs === undefined ? {} : { runs }),
    ...(approvals === undefined ? {} : { approvals }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(tasks === undefined ? {} : { tasks }),
    ...(defaultTask === undefined ? {} : { defaultTask }),
  })
}

/** The whole manifest: equal hashes mean that enrolling it again changes nothing. */
export function manifestHash(manifest: Manifest): string {
  return hashOf(manifest)
}

/** What a component of a version is made of; also used for prompts and tools seen on the wire. */
export function hashOf(value: unknown): string {
  return sha256Hex(canonicalJson(value))
}

type Model = Manifest['models'][number]

/** Where a model is served. Keys, shares and probes do not change what answers. */
function modelIdentity({ name, wire, baseUrl, upstreamModel, maxOutputTokens, ...model }: Model) {
  if (model.endpoints === undefined) {
    const own = { name, wire, baseUrl, upstreamModel: upstreamModel ?? name, maxOutputTokens }
    return model.apis === undefined ? own : { ...own, apis: model.apis }
  }
  const endpoints = model.endpoints.map((endpoint) => ({
    name: endpoint.name,
    wire: endpoint.wire,
    baseUrl: endpoint.baseUrl,
    upstreamModel: endpoint.upstreamModel ?? name,
    apis: endpoint.apis,
    tier: endpoint.tier,
  }))
  return { name, endpoints, maxOutputTokens }
}

/** What a call of a model may cost, and how long and how often it is tried. */
function modelTerms({ name, prices, timeoutMs, ...model }: Model) {
  const endpointPrices = model.endpoints?.map(({ name: endpoint, prices: own, provider }) => [
    endpoint,
    provider === undefined ? own : { prices: own, provider },
  ])
  return {
    name,
    prices,
    timeoutMs,
    firstByteTimeoutMs: model.firstByteTimeoutMs,
    idleTimeoutMs: model.idleTimeoutMs,
    retries: model.retries,
    balance: model.balance,
    minOutputTokens: model.minOutputTokens,
    contextTokens: model.contextTokens,
    tokenizer: model.tokenizer,
    unknownPriceHoldUsd: model.unknownPriceHoldUsd,
    onBudget: model.onBudget,
    cache: model.cache,
    provider: model.provider,
    endpointPrices: endpointPrices && Object.fromEntries(endpointPrices),
  }
}

function serverIdentities(servers: Manifest['toolServers']) {
  const identities = Object.entries(servers).map(([name, server]) => {
    const { timeoutMs: _, ...identity } = server
    return [name, identity]
  })
  return Object.fromEntries(identities)
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}
