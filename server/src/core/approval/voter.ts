// Whether an operator may vote about a held call, and for which levels.
import type { Role } from '../identity/roles.ts'
import { type ApprovalPolicy, type Approvers, voterRoles } from './policy.ts'

export type Voter = {
  readonly operatorId: string
  readonly name: string
  readonly role: Role
  /** Its own id, or that of whoever has added it without being an admin: they are one person. */
  readonly personId: string
  /** Teams of the person, under whatever name. */
  readonly teams: readonly string[]
}

export type HeldFor = {
  /** People who made the call: who opened its session, and who made that launcher. */
  readonly authors: readonly string[]
  /** Who wrote the arguments, where it was a person: they never vote, whatever the policy says. */
  readonly writer: string | undefined
  readonly ownerTeam: string
  /** Schedule to the operator whose shift it is. */
  readonly onCall: ReadonlyMap<string, string>
}

export type Entitlement =
  /** The levels of the policy, from 1; at least one. */
  | { readonly kind: 'may'; readonly levels: readonly number[] }
  | { readonly kind: 'refused'; readonly reason: 'author' | 'own_team' | 'not_asked' | 'role' }

export function entitle(policy: ApprovalPolicy, voter: Voter, held: HeldFor): Entitlement {
  if (!voterRoles.some((role) => role === voter.role)) return refused('role')
  if (held.writer === voter.personId) return refused('author')
  if (policy.excludeAuthor && held.authors.includes(voter.personId)) return refused('author')
  if (policy.excludeOwnTeam && voter.teams.includes(held.ownerTeam)) return refused('own_team')
  const levels = policy.levels.flatMap(({ approvers }, at) =>
    isNamed(approvers, voter, held) ? [at + 1] : [],
  )
  return levels.length === 0 ? refused('not_asked') : { kind: 'may', levels }
}

function refused(reason: (Entitlement & { kind: 'refused' })['reason']): Entitlement {
  return { kind: 'refused', reason }
}

function isNamed(approvers: Approvers, voter: Voter, { onCall }: HeldFor): boolean {
  const { roles, teams, operators, onCall: schedule } = approvers
  const isAnybody = [roles, teams, operators, schedule].every((each) => each === undefined)
  if (isAnybody) return true
  const isRole = roles?.some((role) => role === voter.role) === true
  const isTeam = teams?.some((team) => voter.teams.includes(team)) === true
  const isOnCall = schedule !== undefined && onCall.get(schedule) === voter.operatorId
  // Only an admin gives a name that is asked: else anybody could take one that is free.
  const isByName = voter.personId === voter.operatorId && operators?.includes(voter.name) === true
  return isRole || isTeam || isByName || isOnCall
}
