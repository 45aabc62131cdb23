import type { Call, Reason } from './call.ts'
import type { EffectClass } from './effect.ts'

/** `approving`: the vote is in, and the call is not under way yet. */
export type HoldState =
  | 'pending'
  | 'approving'
  | 'approved'
  | 'rejected'
  | 'expired'
  | 'refused'
  /** Waits for its run, not for a person. */
  | 'deferred'
  | 'cancelled'

export type Hold = {
  readonly id: string
  readonly callId: string
  readonly sessionId: string
  readonly agent: string
  readonly action: string
  /** `read`, `reversible`, `compensable` or `irreversible`; null when no effect was proposed. */
  readonly effectClass: EffectClass | null
  readonly state: HoldState
  readonly reasons: readonly Reason[]
  /** The exact arguments, opened for the operator. */
  readonly arguments: unknown
  readonly amount: { readonly minorUnits: string; readonly currency: string } | null
  readonly createdAt: string
  readonly until: string
  readonly decidedAt: string | null
  readonly decidedBy: string | null
}

/** GET /v1/holds. Arguments are opened only by GET /v1/holds/{id}; here they are null. */
export type HoldPage = { readonly holds: readonly Hold[]; readonly next: string | null }

/** POST /v1/holds/{id}/approve, /reject */
export type DecideHold = { readonly reason?: string }

export type DecidedHold = { readonly hold: Hold; readonly call: Call }
