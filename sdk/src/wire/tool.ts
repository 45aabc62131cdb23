import type { EffectClass } from './effect.ts'

/** A try of a tool: done, undone, and the world compared. */
export type Proof = {
  readonly id: string
  readonly state: 'proved' | 'disproved'
  /** Why it is disproved. */
  readonly reason: string | null
  readonly samples: number
  readonly at: string
}

/** A tool with a contract, as it is enrolled. */
export type Tool = {
  /** `server/tool` */
  readonly name: string
  /** What the contract declares. */
  readonly effectClass: EffectClass
  /** What rules see: an undo that is not proved counts as none, unless the pact says otherwise. */
  readonly effectiveClass: EffectClass
  /** The tool that undoes it, as `server/tool`. */
  readonly undo: string | null
  /** Whether the contract says how to prove it. */
  readonly isProvable: boolean
  /** The newest for this very contract and these very tools; null where there is none. */
  readonly proof: Proof | null
}

/** GET /v1/agents/{agent}/tools */
export type ToolList = { readonly agent: string; readonly tools: readonly Tool[] }

/** POST /v1/proofs: of an enrolled agent, or of a manifest that need not be enrolled. */
export type ProveTools = {
  /** An id or a name. */
  readonly agent?: string
  readonly manifest?: string
  readonly file?: string
  /** `server/tool`, or the bare name; without any, every tool that can be proved. */
  readonly tools?: readonly string[]
  /** Leaves out what is proved already. */
  readonly onlyUnproved?: boolean
}

export type ProvedTool = {
  readonly proof: string
  readonly tool: string
  readonly state: 'proved' | 'disproved'
  readonly reason: string | null
  /** What the tool said when it refused; it is not stored. */
  readonly detail: string | null
}

export type ProvedTools = {
  readonly agent: string
  readonly tools: readonly ProvedTool[]
  /** Tools that have an undo and no proof in their contract. */
  readonly unprovable: readonly string[]
  /** Tools that were left out, because they are proved already. */
  readonly alreadyProved: readonly string[]
}
