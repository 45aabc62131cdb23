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

/** GET /v1/holds/{id} */
export type HoldDetail = Hold & {
  /** What is asked, and how far the votes are. */
  readonly question: {
    /** One more each time that facts changed and the question was opened again. */
    readonly round: number
    /** The level that is asked, from 1, and until when. */
    readonly level: number
    readonly levels: number
    readonly levelUntil: string
    /** Votes alike of different people that settle the level. */
    readonly quorum: number
    readonly votesSoFar: { readonly approve: number; readonly reject: number }
    /** One sentence each. */
    readonly reversibility: string
    readonly onExpiry: string
  }
  /** The holds of the same call with other arguments: before, and after a person changed them. */
  readonly replaces: string | null
  readonly replacedBy: string | null
}

/** GET /v1/holds. Arguments are opened only by GET /v1/holds/{id}; here they are null. */
export type HoldPage = { readonly holds: readonly Hold[]; readonly next: string | null }

/** A vote with the operator's own signature; see signVote. */
export type SignedVote = {
  readonly statement: string
  /** base64url */
  readonly signature: string
}

/** POST /v1/holds/{id}/approve, /reject */
export type DecideHold = {
  readonly reason?: string
  /**
   * The round of the question that is answered; 1 where it is left out. A question opens again when its
   * facts change: a vote about what was shown before does not count. A signed vote names it itself.
   */
  readonly round?: number
  readonly signed?: SignedVote
}

/** What a signed vote says of the question: every member is bound. */
export type Ballot = {
  readonly organisation: string
  readonly hold: string
  readonly round: number
  readonly level: number
  readonly call: string
  readonly operator: string
  /** Keyed digests of the arguments, and the hash of the tool's schema. */
  readonly args: string
  readonly schema: string
  readonly pact: string
  /** SHA-256 (base64url) of the canonical JSON of the facts. */
  readonly facts: string
}

/** GET /v1/holds/{id}/ballot. Facts are null for what an earlier release held. */
export type HoldBallot = { readonly ballot: Ballot; readonly facts: unknown }

/** POST /v1/holds/{id}/edit */
export type EditHold = {
  readonly arguments: Readonly<Record<string, unknown>>
  readonly reason?: string
}

/** The call with the new arguments; it waits in a hold of its own unless it is denied. */
export type EditedHold = { readonly call: Call; readonly hold: Hold | null }

export type DecidedHold = { readonly hold: Hold; readonly call: Call }
