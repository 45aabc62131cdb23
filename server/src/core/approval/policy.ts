// Who may decide about a held call, how many of them, and in what time.
import { compileGlob } from '../pact/selector.ts'

/** Roles that may vote at all. */
export const voterRoles = ['admin', 'operator', 'approver'] as const
export type VoterRole = (typeof voterRoles)[number]

/** Whoever is named by one of the lists. Nothing named: every operator who may vote. */
export type Approvers = {
  readonly roles?: readonly VoterRole[] | undefined
  readonly teams?: readonly string[] | undefined
  /** Names of operators. */
  readonly operators?: readonly string[] | undefined
  /** The name of a schedule: who has the shift when the vote is cast. */
  readonly onCall?: string | undefined
}

export type ApprovalLevel = {
  readonly approvers: Approvers
  /** Matching votes of different people; it approves, and it rejects. */
  readonly quorum: number
  /** Until the next level is asked too, or the hold ends. */
  readonly withinSeconds: number
}

/** As it is frozen into a hold. */
export type ApprovalPolicy = {
  readonly id: string
  /** At least one. */
  readonly levels: readonly ApprovalLevel[]
  /** Nobody of the agent's team may vote. */
  readonly excludeOwnTeam: boolean
  /** The author of the call may not vote. */
  readonly excludeAuthor: boolean
  readonly unsigned: 'allowed' | 'refused'
}

/** A policy as a pact declares it. An empty list of globs matches everything. */
export type DeclaredApproval = ApprovalPolicy & {
  readonly rules: readonly string[]
  readonly actions: readonly string[]
}

/** What a pact declares; undefined where it declares nothing. */
export type PactApprovals = {
  readonly policies: readonly DeclaredApproval[]
  /** For what no policy matches. */
  readonly otherwise: ApprovalPolicy
}

export const levelsMax = 10
export const quorumMax = 20

/** Where nobody declared anything: one approval of anybody who may vote. */
export function defaultPolicy(withinSeconds: number): ApprovalPolicy {
  return {
    id: 'default',
    levels: [{ approvers: {}, quorum: 1, withinSeconds }],
    excludeOwnTeam: false,
    excludeAuthor: false,
    unsigned: 'allowed',
  }
}

/**
 * The policy of a call that these rules hold. Each rule gets the first policy that matches it and the
 * action; of those the strictest counts, and what any of them excludes is excluded. Undefined
 * where the pact declares none.
 */
export function choosePolicy(
  declared: PactApprovals | undefined,
  held: { readonly rules: readonly string[]; readonly action: string },
): ApprovalPolicy | undefined {
  if (declared === undefined) return undefined
  const matching = held.rules.map((rule) =>
    declared.policies.find((policy) => matches(policy, { rule, action: held.action })),
  )
  const [first = declared.otherwise, ...rest] = matching.map((each) => each ?? declared.otherwise)
  const rank = (policy: ApprovalPolicy): number =>
    declared.policies.findIndex((each) => each.id === policy.id)
  const strictest = rest.reduce(
    (best: ApprovalPolicy, each) => (isStricter(each, best, rank) ? each : best),
    first,
  )
  const all: readonly ApprovalPolicy[] = [first, ...rest]
  return {
    id: strictest.id,
    levels: strictest.levels,
    excludeOwnTeam: all.some((each) => each.excludeOwnTeam),
    excludeAuthor: true,
    unsigned: all.some((each) => each.unsigned === 'refused') ? 'refused' : 'allowed',
  }
}

function matches(
  policy: DeclaredApproval,
  { rule, action }: { readonly rule: string; readonly action: string },
): boolean {
  return isOf(policy.rules, rule) && isOf(policy.actions, action)
}

function isOf(globs: readonly string[], name: string): boolean {
  return globs.length === 0 || globs.some((glob) => compileGlob(glob)(name))
}

/**
 * The smallest quorum of any level first: whoever escalates meets that one. Then the quorum of the
 * first level, a declared policy before none, and the order of the manifest.
 */
function isStricter(
  one: ApprovalPolicy,
  other: ApprovalPolicy,
  rank: (policy: ApprovalPolicy) => number,
): boolean {
  const least = (policy: ApprovalPolicy): number =>
    Math.min(...policy.levels.map((level) => level.quorum))
  const asked = (policy: ApprovalPolicy): number => policy.levels[0]?.quorum ?? 0
  if (least(one) !== least(other)) return least(one) > least(other)
  if (asked(one) !== asked(other)) return asked(one) > asked(other)
  const [left, right] = [rank(one), rank(other)]
  if (left === -1 || right === -1) return right === -1 && left !== -1
  return left < right
}

/**
 * The policy of a question that is opened again: that of before, unless the one of now asks more people.
 * Whoever changed the facts, or the pact, must not have made it easier.
 */
export function policyOfReopened(
  before: ApprovalPolicy | undefined,
  now: ApprovalPolicy | undefined,
): ApprovalPolicy | undefined {
  if (before === undefined || now === undefined) return before ?? now
  // Neither comes first: only the number of people makes the one of now count.
  const rank = (policy: ApprovalPolicy): number => Number(policy === now)
  return {
    ...(isStricter(now, before, rank) ? now : before),
    excludeOwnTeam: before.excludeOwnTeam || now.excludeOwnTeam,
    excludeAuthor: before.excludeAuthor || now.excludeAuthor,
    unsigned: [before, now].some((each) => each.unsigned === 'refused') ? 'refused' : 'allowed',
  }
}

/** Seconds from the first question to the end. */
export function totalSeconds(policy: ApprovalPolicy): number {
  return policy.levels.reduce((sum, level) => sum + level.withinSeconds, 0)
}

/** Seconds that the level lasts (from 1); undefined where there is no such level. */
export function levelSeconds(policy: ApprovalPolicy, level: number): number | undefined {
  return policy.levels[level - 1]?.withinSeconds
}
