// Which notices a channel sends.
import type { NoticeKind } from '../approval/notice.ts'

export type Stakes = 'low' | 'medium' | 'high'

export type ChannelFilter = {
  readonly kinds: readonly NoticeKind[]
  /** Names of agents, and of teams: the owners of agents. Both empty: all of them. */
  readonly agents: readonly string[]
  readonly teams: readonly string[]
  readonly stakesMin: Stakes
}

/** Whom a notice is about; undefined where it is about more than one agent, or about none. */
export type NoticeAgent = {
  readonly name: string
  readonly owner: string
  readonly stakes: Stakes
}

/** What people must act on, or must know; that a hold was decided is sent where it is asked for. */
export const kindsDefault: readonly NoticeKind[] = [
  'hold.opened',
  'hold.level',
  'hold.reopened',
  'hold.expired',
  'hold.canary_approved',
  'kill.issued',
  'kill.acknowledged',
  'kill.resumed',
  'session.handed_over',
  'proposal.made',
  'escalation.anomaly',
]

const ranks: Readonly<Record<Stakes, number>> = { low: 0, medium: 1, high: 2 }

/** What is about no single agent passes every filter but that of kinds: a fleet may be stopped. */
export function isSent(
  filter: ChannelFilter,
  kind: NoticeKind,
  agent: NoticeAgent | undefined,
): boolean {
  if (!filter.kinds.includes(kind)) return false
  if (agent === undefined) return true
  if (ranks[agent.stakes] < ranks[filter.stakesMin]) return false
  if (filter.agents.length === 0 && filter.teams.length === 0) return true
  return filter.agents.includes(agent.name) || filter.teams.includes(agent.owner)
}
