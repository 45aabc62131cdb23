export type KillScope = 'agent' | 'version' | 'tool' | 'session' | 'organisation'

/** A drill stops nothing: it shows how long every gateway takes to confirm. */
export type KillMode = 'freeze' | 'unwind' | 'drill'

export type IssueKill = {
  readonly scope: KillScope
  /**
   * An agent by id or name, a version by id or as `agent:number`, a tool as `server/tool` or
   * `server/*`, a session by id. Left out for the organisation.
   */
  readonly target?: string
  readonly mode?: KillMode
  readonly reason: string
  /** Revokes all API keys of the agents, for good: they stay revoked when the kill is over. */
  readonly revokeKeys?: boolean
  /** How long to wait for the acknowledgement. Default and at most 10,000. */
  readonly waitMs?: number
}

export type GatewayOfKill = {
  readonly id: string
  /** Host and process. */
  readonly name: string
  /**
   * `waiting`: it has a lease, and has not confirmed. `no_lease`: it runs an earlier release, which
   * no kill stops: end it, or upgrade it.
   */
  readonly state: 'confirmed' | 'lease_ended' | 'waiting' | 'no_lease'
  /** Also null where it confirmed a later epoch at once. */
  readonly confirmedAt: string | null
  /** From the kill to its confirmation, in ms by the database's clock. */
  readonly latencyMs: number | null
  readonly leaseUntil: string | null
  /** Calls and streams that it cut. */
  readonly cut: number | null
}

export type Kill = {
  readonly id: string
  readonly epoch: string
  readonly scope: KillScope
  readonly target: string
  readonly mode: KillMode
  /** `issued`: in force, not acknowledged by all gateways yet. A drill ends by itself. */
  readonly state: 'issued' | 'acknowledged' | 'resumed' | 'drilled'
  readonly reason: string
  readonly issuedBy: string | null
  readonly rule: string | null
  readonly revokeKeys: boolean
  readonly issuedAt: string
  readonly acknowledgedAt: string | null
  /** From the kill to its acknowledgement, in ms. */
  readonly latencyMs: number | null
  readonly cancelledHolds: number
  readonly unwoundRuns: number
  readonly finishedAt: string | null
  readonly resumedAt: string | null
  readonly resumedBy: readonly string[]
}

export type KillDetail = Kill & {
  readonly gateways: readonly GatewayOfKill[]
  /** False for a tool that no agent has enrolled: the kill is in force, and its name may be wrong. */
  readonly isTargetKnown: boolean
}

export type KillPage = { readonly kills: readonly Kill[]; readonly next: string | null }

export type ResumeKill = {
  readonly reason: string
  /** How long the second person has. Default: an hour. */
  readonly withinSeconds?: number
}
