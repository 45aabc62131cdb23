import type { EffectState } from './call.ts'
import type { EffectClass } from './effect.ts'

/**
 * `completing`: deferred steps are carried out. `compensating`: done steps are undone, the last
 * first. `stuck`: some could not be; it stays until somebody settles it, or undoes it again.
 */
export type RunState =
  | 'open'
  | 'completing'
  | 'completed'
  | 'compensating'
  | 'compensated'
  | 'stuck'
  | 'settled'

export type RunReaction = 'compensate' | 'keep'

/** POST /v1/sessions/{id}/runs. What is left out is as the pact says. */
export type OpenRun = {
  readonly name: string
  readonly onFailure?: RunReaction
  readonly onDenied?: RunReaction
  readonly irreversibleLast?: boolean
  readonly expiresAfterSeconds?: number
}

/** A run (saga): writes that stand or fall together. */
export type Run = {
  readonly id: string
  readonly sessionId: string
  readonly agentId: string
  readonly agent: string
  /** Unique in its session; null for the run that is the whole session. */
  readonly name: string | null
  readonly state: RunState
  /** Why it was closed: an error code, or `run.aborted`, `run.expired`, `call.failed`. */
  readonly reason: string | null
  /** The call that failed, or was denied. */
  readonly closedByCall: string | null
  readonly onFailure: RunReaction
  readonly onDenied: RunReaction
  readonly irreversibleLast: boolean
  readonly expiresAt: string | null
  /** The whole session's run that takes this one back. */
  readonly parentId: string | null
  readonly openedAt: string
  readonly closedAt: string | null
  readonly endedAt: string | null
  readonly settledReason: string | null
}

export type RunStep = {
  readonly effectId: string
  readonly callId: string
  readonly action: string
  readonly effectClass: EffectClass
  readonly state: EffectState
  readonly amount: { readonly minorUnits: string; readonly currency: string } | null
  /** Attempts to undo it that came to nothing, and what the last one said. */
  readonly attempts: number
  readonly code: string | null
  readonly message: string | null
  /** Given up: part of the report of what could not be undone. */
  readonly isLeft: boolean
}

/** GET /v1/runs/{id}: the steps in the order in which they were made. */
export type RunDetail = {
  readonly run: Run
  readonly steps: readonly RunStep[]
  readonly progress: RunProgress
}

export type RunProgress = {
  readonly steps: number
  readonly undone: number
  /** In the world, or possibly so. */
  readonly standing: number
  /** Those that were given up. */
  readonly left: number
}

/** GET /v1/runs */
export type RunPage = { readonly runs: readonly Run[]; readonly next: string | null }

/** POST /v1/runs/{id}/abort, /undo and /v1/sessions/{id}/undo */
export type TakeBackRun = { readonly reason?: string }

/** POST /v1/runs/{id}/settle */
export type SettleRun = { readonly reason: string }

/** What undoing would do to a step; `cancel` is for what was never executed. */
export type UndoVerdict = 'undo' | 'cancel' | 'find_out' | 'cannot' | 'nothing'

export type PlannedUndo = {
  readonly effectId: string
  readonly callId: string
  readonly action: string
  readonly effectClass: EffectClass
  readonly state: EffectState
  readonly amount: { readonly minorUnits: string; readonly currency: string } | null
  readonly verdict: UndoVerdict
  readonly why: string
}

/** GET /v1/runs/{id}/preview and /v1/sessions/{id}/preview: nothing is changed. */
export type UndoPreview = {
  readonly sessionId: string
  /** Null where the session has no run of its own yet. */
  readonly runId: string | null
  /** In the order in which they would be undone. */
  readonly steps: readonly PlannedUndo[]
  /** By currency, in minor units. */
  readonly money: readonly {
    readonly currency: string
    readonly undone: string
    readonly left: string
  }[]
}
