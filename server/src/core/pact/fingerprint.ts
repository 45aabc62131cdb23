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
  const { scopes, tasks, defaultTask, runs } = manifest
  const prices = manifest.models
    .map(({ name, prices: list, timeoutMs }) => ({ name, prices: list, timeoutMs }))
    .toSorted(byName)
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

function modelIdentity({ name, wire, baseUrl, upstreamModel, maxOutputTokens }: Model) {
  return { name, wire, baseUrl, upstreamModel: upstreamModel ?? name, maxOutputTokens }
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
