import type { EffectState } from './call.ts'

export type EffectClass = 'read' | 'reversible' | 'compensable' | 'irreversible'

/** What a tool call did to the world. */
export type Effect = {
  readonly id: string
  readonly callId: string
  readonly sessionId: string
  readonly agentId: string
  readonly action: string
  readonly effectClass: EffectClass
  readonly key: string
  readonly state: EffectState
  readonly amount: { readonly minorUnits: string; readonly currency: string } | null
  readonly createdAt: string
  readonly settledAt: string | null
  /** The last call that was to undo it. */
  readonly undoCallId: string | null
}

/** GET /v1/effects */
export type EffectPage = { readonly effects: readonly Effect[]; readonly next: string | null }

/** POST /v1/effects/{id}/resolve: what a person found out about an unknown effect. */
export type ResolveEffect = { readonly outcome: 'done' | 'failed'; readonly reason: string }
