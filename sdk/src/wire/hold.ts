import type { Call, Reason } from './call.ts'

export type HoldState = 'pending' | 'approved' | 'rejected' | 'expired' | 'refused'

export type Hold = {
  readonly id: string
  readonly callId: string
  readonly sessionId: string
  readonly agent: string
  readonly action: string
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

/** POST /v1/holds/{id}/approve, /reject */
export type DecideHold = { readonly reason?: string }

export type DecidedHold = { readonly hold: Hold; readonly call: Call }
