// What a verification says: what is proven, what was not looked at, and why a bundle is refused.
import type { AuditCheckId } from './fault.ts'

export type AuditCheck = {
  readonly id: AuditCheckId
  readonly state: 'proven' | 'not_proven' | 'refused'
  /** One sentence for people. */
  readonly message: string
}

export type AuditReport = {
  /** Everything holds, under keys that were given and not taken from the bundle. */
  readonly isProven: boolean
  /** Nothing is wrong in itself; without trusted keys that is not a proof. */
  readonly isConsistent: boolean
  readonly checks: readonly AuditCheck[]
  readonly facts: AuditFacts
}

export type AuditFacts = {
  origin: string | undefined
  log: string | undefined
  from: number
  to: number
  /** How many entries the newest checkpoint covers. */
  size: number
  entries: number
  agents: number
  checkpoints: number
  witnesses: readonly string[]
  identities: readonly string[]
  firstAt: string | undefined
  lastAt: string | undefined
  /** How many entries of each type. */
  types: Readonly<Record<string, number>>
  /** Shards of the log that entries in the range say were deleted, or are to be. */
  deletedShards: readonly DeletedShard[]
}

export type DeletedShard = {
  readonly log: string
  readonly size: number
  /** The root of its final checkpoint, base64url. */
  readonly root: string
  /** SHA-256 of its final checkpoint with the log's own signature alone, base64url. */
  readonly checkpoint: string
  /** `<log id>:<number>` of the entry that announced it. */
  readonly announcedBy: string
  /** Undefined: it is announced, and not said to be done in the range. */
  readonly deletedAt: string | undefined
}

export function noFacts(): AuditFacts {
  return {
    origin: undefined,
    log: undefined,
    from: 0,
    to: 0,
    size: 0,
    entries: 0,
    agents: 0,
    checkpoints: 0,
    witnesses: [],
    identities: [],
    firstAt: undefined,
    lastAt: undefined,
    types: {},
    deletedShards: [],
  }
}
