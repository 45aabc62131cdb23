// Proof that an undo restores what its tool did: what a proof is about, and what it changes.
import { canonicalJson, sha256Hex } from '../canonical.ts'
import type { EffectClass } from '../decision/call.ts'
import type { CompiledPact, CompiledTool, ToolSchemas } from '../pact/compiled.ts'
import type { Manifest } from '../pact/manifest-schema.ts'

/** A proof counts for the very contract and the very tools that were tried, whoever enrols them. */
export type ProofKey = {
  /** Hex SHA-256 of the contract as it is written. */
  readonly contractHash: string
  /** Hex SHA-256 of the tool and its undo as their server lists them. */
  readonly toolHash: string
}

/** By `server/tool`, for the tools whose contract has an undo. */
export function proofKeysOf(
  manifest: Manifest,
  schemas: ToolSchemas,
): ReadonlyMap<string, ProofKey> {
  const keys = new Map<string, ProofKey>()
  for (const [name, contract] of Object.entries(manifest.tools)) {
    if (contract.undo === undefined) continue
    const server = name.slice(0, name.indexOf('/'))
    const undo = `${server}/${contract.undo.tool}`
    keys.set(name, {
      contractHash: hashOf(contract),
      toolHash: hashOf([schemas[name] ?? null, schemas[undo] ?? null]),
    })
  }
  return keys
}

function hashOf(value: unknown): string {
  return sha256Hex(canonicalJson(value))
}

/** What rules see: an undo that nobody has proved is none, unless the pact takes its word. */
export function effectiveClass(
  tool: CompiledTool,
  known: { readonly pact: Pick<CompiledPact, 'unproven'>; readonly isProved: boolean },
): EffectClass {
  if (tool.contract.undo === undefined || known.isProved) return tool.effectClass
  return known.pact.unproven === 'declared' ? tool.effectClass : 'irreversible'
}

export type Comparison =
  | { readonly kind: 'proved' }
  | { readonly kind: 'disproved'; readonly reason: string }

/** Compares the world before the call, after it, and after its undo. */
export function compareWorlds(worlds: {
  readonly before: unknown
  readonly after: unknown
  readonly restored: unknown
}): Comparison {
  const [before, after, restored] = [worlds.before, worlds.after, worlds.restored].map(
    canonicalJson,
  )
  if (before === after) {
    return { kind: 'disproved', reason: 'the snapshot does not show what the tool changed' }
  }
  if (before !== restored) {
    return { kind: 'disproved', reason: 'the world is not as it was before the call' }
  }
  return { kind: 'proved' }
}
