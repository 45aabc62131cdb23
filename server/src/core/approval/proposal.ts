// Commands that one person may propose and only another may confirm.

export const proposalKinds = ['kill.resume', 'limit.loosen'] as const

export type ProposalKind = (typeof proposalKinds)[number]

/** `expired` is never stored: an open proposal whose time is over. */
export type ProposalStanding = 'open' | 'confirmed' | 'withdrawn' | 'expired'

export type Proposal = {
  readonly proposalId: string
  readonly kind: ProposalKind
  /** What is asked for, as the kind's own applier reads it. */
  readonly change: unknown
  readonly reason: string
  readonly standing: ProposalStanding
  readonly proposedBy: string
  readonly proposedAt: Date
  readonly expiresAt: Date
  readonly decidedBy: string | undefined
  readonly decidedAt: Date | undefined
}

export type ProposalRefusal = 'proposal.expired' | 'proposal.settled' | 'proposal.same_person'

/** Why this operator may not confirm the proposal; undefined where they may. */
export function refusesConfirmation(
  proposal: Pick<Proposal, 'standing' | 'proposedBy'>,
  operatorId: string,
): ProposalRefusal | undefined {
  if (proposal.standing === 'expired') return 'proposal.expired'
  if (proposal.standing !== 'open') return 'proposal.settled'
  return proposal.proposedBy === operatorId ? 'proposal.same_person' : undefined
}

/** Seconds that a proposal waits where nobody says otherwise, and the longest it may. */
export const proposalSecondsDefault = 3600
export const proposalSecondsMax = 7 * 24 * 3600
