// What votes come to. A level is decided by as many votes alike as its quorum, in whatever order.
import type { ApprovalPolicy } from './policy.ts'

export type CountedVote = {
  readonly vote: 'approve' | 'reject'
  /** The levels of the policy, from 1, that the voter is an approver of. */
  readonly levels: readonly number[]
}

export type Standing = 'open' | 'approved' | 'rejected'

/**
 * One vote a person, of the current round. A level that was asked stays asked: each up to `level`
 * counts the votes of its own approvers. Where a new level finds both quorums met, it is rejected.
 */
export function countVotes(
  policy: ApprovalPolicy,
  level: number,
  votes: readonly CountedVote[],
): Standing {
  const reaches = (vote: CountedVote['vote']): boolean =>
    policy.levels
      .slice(0, level)
      .some(({ quorum }, at) => tally(votes, { vote, level: at + 1 }) >= quorum)
  if (reaches('reject')) return 'rejected'
  return reaches('approve') ? 'approved' : 'open'
}

/** How many votes alike a level has. */
export function tally(
  votes: readonly CountedVote[],
  of: { readonly vote: CountedVote['vote']; readonly level: number },
): number {
  return votes.filter((each) => each.vote === of.vote && each.levels.includes(of.level)).length
}
