// Whether a shard of the log may be deleted: pure. Whatever is not known for sure keeps it.

export type ShardFacts = {
  readonly isOpen: boolean
  /** Entries that were acknowledged. */
  readonly size: number
  /** The newest checkpoint; undefined before the first. */
  readonly checkpoint: { readonly size: number; readonly isWitnessed: boolean } | undefined
  /** When the newest entry was written, Unix milliseconds; undefined where it cannot be read. */
  readonly newestAtMs: number | undefined
  /** Of the class `log`. */
  readonly retentionDays: number
  /** Legal holds in force that may concern an entry of the shard. */
  readonly legalHolds: readonly string[]
}

/** `open`, `not_signed`: by its state. `not_due`: by its age. `legal_hold`: by a hold in force. */
export type KeptBy = 'open' | 'not_signed' | 'not_due' | 'legal_hold'

export type ShardVerdict = {
  /** Undefined: it may be deleted. */
  readonly keptBy: KeptBy | undefined
  /** When its retention ends, Unix milliseconds; undefined where nobody can say yet. */
  readonly dueAtMs: number | undefined
}

const dayMs = 86_400_000

/** `nowMs` is the database's clock. */
export function judgeShard(facts: ShardFacts, nowMs: number): ShardVerdict {
  const { isOpen, size, checkpoint, newestAtMs, retentionDays, legalHolds } = facts
  if (isOpen || newestAtMs === undefined) return { keptBy: 'open', dueAtMs: undefined }
  const dueAtMs = newestAtMs + retentionDays * dayMs
  const isFinal = checkpoint?.size === size && checkpoint.isWitnessed
  if (!isFinal) return { keptBy: 'not_signed', dueAtMs }
  if (nowMs < dueAtMs) return { keptBy: 'not_due', dueAtMs }
  return { keptBy: legalHolds.length > 0 ? 'legal_hold' : undefined, dueAtMs }
}
