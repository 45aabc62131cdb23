/** What takes two people: one proposes, another confirms, and then it is done. */
export type ProposalKind = 'kill.resume' | 'limit.loosen' | 'quote.loosen' | 'authorisation.release'

/** `expired`: it waited too long, and nothing was changed. */
export type ProposalState = 'open' | 'confirmed' | 'withdrawn' | 'expired'

export type Proposal = {
  readonly id: string
  readonly kind: ProposalKind
  readonly state: ProposalState
  /** What is changed once it is confirmed, by kind. */
  readonly change: unknown
  readonly reason: string
  /** The operator's id, here and below. */
  readonly proposedBy: string
  readonly proposedAt: string
  readonly until: string
  readonly decidedBy: string | null
  readonly decidedAt: string | null
}

/** GET /v1/proposals */
export type ProposalPage = { readonly proposals: readonly Proposal[]; readonly next: string | null }
