// Commands that one person may propose and only another may confirm.

export const proposalKinds = [
  'kill.resume',
  'limit.loosen',
  'quote.loosen',
  'authorisation.release',
] as const

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

/** Why this person may not confirm the proposal of that one; undefined where they may. */
export function refusesConfirmation(
  { standing }: Pick<Proposal, 'standing'>,
  people: { readonly proposer: string; readonly confirmer: string },
): ProposalRefusal | undefined {
  if (standing === 'expired') return 'proposal.expired'
  if (standing !== 'open') return 'proposal.settled'
  return people.proposer === people.confirmer ? 'proposal.same_person' : undefined
}

/** Seconds that a proposal waits where nobody says otherwise, and the longest it may. */
export const proposalSecondsDefault = 3600
export const proposalSecondsMax = 7 * 24 * 3600
