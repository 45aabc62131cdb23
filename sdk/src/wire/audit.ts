import type { Call } from './call.ts'

/** GET /v1/audit/calls: what the record says of a call, without its payloads. */
export type FoundCall = {
  readonly id: string
  readonly sessionId: string
  readonly agentId: string
  readonly agent: string
  readonly versionId: string
  readonly pactId: string
  readonly kind: Call['kind']
  readonly action: string
  readonly state: Call['state']
  readonly verdict: Call['verdict']
  readonly enforced: boolean
  readonly code: string | null
  readonly amount: { readonly minorUnits: string; readonly currency: string } | null
  readonly costNanoUsd: string | null
  readonly logId: string
  readonly intentSeq: string | null
  readonly outcomeSeq: string | null
  readonly createdAt: string
  readonly settledAt: string | null
}

/** The newest first. */
export type FoundCallPage = { readonly calls: readonly FoundCall[]; readonly next: string | null }

export type CallSearch = {
  /** An id or a name. */
  readonly agent?: string
  readonly version?: string
  readonly session?: string
  /** A model's name, or `server/tool`. */
  readonly action?: string
  readonly decision?: Call['verdict']
  readonly state?: Call['state']
  readonly code?: string
  /** Minor units, both included. */
  readonly amountMin?: string
  readonly amountMax?: string
  readonly currency?: string
  /** RFC 3339; `to` is not included. */
  readonly from?: string
  readonly to?: string
}

/** GET /v1/audit/calls/{id}/payload: opened for a reason, which is logged before. */
export type OpenedPayload = {
  readonly call: string
  readonly part: 'request' | 'response'
  /** Null: there is none, or it was erased. */
  readonly text: string | null
}

/** GET /v1/audit/accesses: who read payloads or the log. */
export type LoggedAccess = {
  readonly id: string
  readonly kind: string
  readonly operatorId: string
  readonly operator: string | null
  readonly operation: string
  readonly call: string | null
  /** All that were opened, where it is known. */
  readonly calls: readonly string[]
  readonly reason: string
  readonly logId: string
  readonly seq: string
  readonly at: string
}

export type LoggedAccessPage = {
  readonly accesses: readonly LoggedAccess[]
  readonly next: string | null
}

/** POST /v1/audit/erasures */
export type RequestErasure = {
  /** As sessions and contracts name the person. */
  readonly subject: string
  readonly reason: string
  /** Otherwise an open session of the subject is a refusal. */
  readonly closeSessions?: boolean
}

export type Erasure = {
  readonly id: string
  /** The keyed hash of the subject's name: as much as is left of it. */
  readonly subject: string
  /** `requested`: the keys are destroyed. `done`: no payload of the subject is left. */
  readonly state: 'requested' | 'done'
  readonly keys: number
  readonly sessions: number
  readonly payloads: string
  readonly reason: string
  /** `<log id>:<seq>` of the two entries. */
  readonly requestedEntry: string
  readonly doneEntry: string | null
  readonly requestedAt: string
  readonly doneAt: string | null
}

export type ErasurePage = { readonly erasures: readonly Erasure[]; readonly next: string | null }

/** GET /v1/audit/retention */
export type Retention = {
  readonly classes: readonly {
    readonly class: 'log' | 'payloads'
    readonly days: number
    /** Null: the default. */
    readonly setAt: string | null
  }[]
  /** Oldest first; deleted ones too. */
  readonly shards: readonly ShardRetention[]
}

export type ShardRetention = {
  readonly logId: string
  readonly name: string
  readonly size: string
  readonly isOpen: boolean
  /** When the newest entry was written; null where it is not there. */
  readonly newestAt: string | null
  /** When its retention ends; null while it is open, or deleted. */
  readonly dueAt: string | null
  /** What keeps it; null: it may be deleted, or is. */
  readonly keptBy: 'open' | 'not_signed' | 'not_due' | 'legal_hold' | null
  /** Ids of the legal holds in force that may concern it. */
  readonly legalHolds: readonly string[]
  readonly deletion: ShardDeletion | null
}

/** POST /v1/audit/shard-deletions */
export type DeleteShard = { readonly log: string; readonly reason: string }

/** The deletion of a closed shard of the log. */
export type ShardDeletion = {
  readonly logId: string
  /** `announced`: nothing is deleted yet. `deleting`: its files go. `done`: its entries are gone. */
  readonly state: 'announced' | 'deleting' | 'done'
  readonly size: string
  /** The root of its final checkpoint, base64. */
  readonly root: string
  /** SHA-256 of its final checkpoint with the log's own signature alone, base64url. */
  readonly checkpointHash: string
  readonly operatorId: string
  readonly reason: string
  /** `<log id>:<seq>` of the two entries. */
  readonly announcedEntry: string
  readonly doneEntry: string | null
  readonly announcedAt: string
  readonly doneAt: string | null
  /** Files of the published log that are gone. */
  readonly objects: string
  /** Why it does not go on; null: it does. */
  readonly stoppedBy: string | null
}

/** POST /v1/audit/retention */
export type SetRetention = { readonly class: 'log' | 'payloads'; readonly days: number }

/** POST /v1/audit/legal-holds. Without agent and subject it keeps everything. */
export type PlaceLegalHold = {
  readonly agent?: string
  readonly subject?: string
  readonly reason: string
}

export type LegalHold = {
  readonly id: string
  readonly scope: 'everything' | 'agent' | 'subject'
  readonly agent: string | null
  /** The keyed hash of the subject's name. */
  readonly subject: string | null
  readonly reason: string
  readonly placedAt: string
  readonly releasedAt: string | null
}

export type LegalHoldPage = {
  readonly legalHolds: readonly LegalHold[]
  readonly next: string | null
}
