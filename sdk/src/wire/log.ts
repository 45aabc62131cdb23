// The published log: its shards and what was signed of them.
import type { ShardDeletion } from './audit.ts'

/** GET /v1/log/shards */
export type LogShards = {
  readonly shards: readonly LogShard[]
  /** The vkey by which this install cosigns the checkpoints of others. */
  readonly witnessKey: string
}

/** POST /v1/log/rotate answers the shard that it closed. */
export type LogShard = {
  readonly logId: string
  /** In addresses: `/log/<name>/checkpoint`. */
  readonly name: string
  /** Entries that were acknowledged. */
  readonly size: string
  readonly isOpen: boolean
  /** The log's name in checkpoints; null before the first one. */
  readonly origin: string | null
  /** vkeys: the log's own, and its mirror's (ML-DSA-44). */
  readonly keys: readonly string[]
  readonly checkpoint: {
    readonly size: string
    /** The C2SP signed note. */
    readonly note: string
    /** Whether the witnesses that the policy asks for have cosigned it. */
    readonly isWitnessed: boolean
    readonly signedAt: string
  } | null
  /** Null: its entries are there. The final checkpoint stays in any case. */
  readonly deletion: ShardDeletion | null
}
