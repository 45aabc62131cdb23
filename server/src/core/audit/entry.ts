// One line of the log: canonical JSON (RFC 8785) of at most 1,024 bytes, so that it can be a leaf
// of an RFC 6962 tree as it is. It holds no personal data: ids, digests, numbers and codes only.
import { hash } from 'node:crypto'

export const entryBytesMax = 1024
export const entrySchema = 1

export type EntryType =
  | 'agent.enrolled'
  | 'pact.activated'
  | 'access.payload'
  | 'access.log'
  | 'access.search'
  | 'access.export'
  | 'erasure.requested'
  | 'erasure.done'
  | 'retention.set'
  | 'retention.deleting'
  | 'retention.deleted'
  | 'legal_hold.placed'
  | 'legal_hold.released'
  | 'identity.created'
  | 'identity.updated'
  | 'identity.deactivated'
  | 'did.witnessed'
  | 'agent_key.added'
  | 'agent_key.revoked'
  | 'key.issued'
  | 'key.revoked'
  | 'session.opened'
  | 'session.closed'
  | 'session.handed_over'
  | 'handover.taken'
  | 'handover.said'
  | 'handover.returned'
  | 'handover.closed'
  | 'flow.opened'
  | 'flow.closed'
  | 'call.intent'
  | 'call.outcome'
  | 'call.denied'
  | 'call.repeated'
  | 'call.held'
  | 'escalation.fired'
  | 'hold.approved'
  | 'hold.rejected'
  | 'hold.expired'
  | 'hold.voted'
  | 'hold.level'
  | 'hold.reopened'
  | 'hold.canary_planted'
  | 'hold.canary_approved'
  | 'operator_key.added'
  | 'operator_key.revoked'
  | 'operator.changed'
  | 'oncall.set'
  | 'hold.cancelled'
  | 'effect.undo'
  | 'effect.undone'
  | 'effect.undo_failed'
  | 'tool.proving'
  | 'tool.proved'
  | 'tool.disproved'
  | 'run.opened'
  | 'run.deferred'
  | 'run.cancelled'
  | 'run.completing'
  | 'run.completed'
  | 'run.compensating'
  | 'run.compensated'
  | 'run.stuck'
  | 'run.settled'
  | 'lease.unknown'
  | 'lease.settled'
  | 'budget.set'
  | 'budget.removed'
  | 'budget.alert'
  | 'budget.forgotten'
  | 'limit.set'
  | 'limit.loosened'
  | 'asset.added'
  | 'quote.set'
  | 'authorisation.released'
  | 'kill.issued'
  | 'kill.acknowledged'
  | 'kill.resumed'
  | 'replica.recovered'
  | 'replica.ended'
  | 'channel.added'
  | 'channel.changed'
  | 'channel.removed'
  | 'price.set'
  | 'proposal.made'
  | 'proposal.confirmed'
  | 'proposal.withdrawn'
  | 'price.removed'
  | 'usage.imported'
  | 'cache.purged'
  | 'cache.mode_set'
  | 'log.opened'
  | 'log.closed'
  | 'log.shard_deleting'
  | 'log.shard_deleted'

export type EntryValue = string | number | boolean

export type EntryDraft = {
  readonly type: EntryType
  /** Whose chain the entry joins: the agent's id; the organisation's id for what is no agent's. */
  readonly agentId: string
  /** `did:webvh:<scid>` of the agent, in the entries of its calls; no host, which may change. */
  readonly did?: string | undefined
  readonly versionId?: string | undefined
  readonly pactId?: string | undefined
  readonly sessionId?: string | undefined
  readonly callId?: string | undefined
  /** Keys must be given in sorted order: the entry is written as it is read. */
  readonly body: Readonly<Record<string, EntryValue | undefined>>
}

export type EntryPlace = {
  /** 1 for the agent's first entry. */
  readonly number: bigint
  /** Leaf hash of the agent's previous entry, base64url; of 32 zero bytes for the first. */
  readonly previous: string
  /** The database's clock: RFC 3339, UTC, milliseconds. */
  readonly at: string
}

/** `hash` is the leaf hash, base64url. */
export type Entry = { readonly bytes: Buffer; readonly hash: string }

export const noEntry: string = Buffer.alloc(32).toString('base64url')
const leafPrefix = Buffer.from([0])

/** RFC 6962 section 2.1: the hash of a leaf is SHA-256 over 0x00 and its bytes. */
export function leafHash(bytes: Buffer): Buffer {
  return hash('sha256', Buffer.concat([leafPrefix, bytes]), 'buffer')
}

/**
 * Writes the entry's bytes. Where they would pass 1,024, the names of action and rule are cut, and end in
 * `~`. Throws when they still do: a defect of the caller.
 */
export function buildEntry(draft: EntryDraft, place: EntryPlace): Entry {
  // The order of the keys is the canonical one; absent ones are dropped by JSON.stringify.
  const text = JSON.stringify({
    agent: draft.agentId,
    at: place.at,
    body: draft.body,
    call: draft.callId,
    did: draft.did,
    number: Number(place.number),
    pact: draft.pactId,
    previous: place.previous,
    schema: entrySchema,
    session: draft.sessionId,
    type: draft.type,
    version: draft.versionId,
  })
  const bytes = Buffer.from(text)
  if (bytes.length > entryBytesMax) {
    const shorter = shorten(draft, bytes.length - entryBytesMax)
    if (shorter !== undefined) return buildEntry(shorter, place)
    throw new RangeError(`an entry of ${bytes.length} bytes passes ${entryBytesMax}`)
  }
  return { bytes, hash: hash('sha256', `\0${text}`, 'base64url') }
}

/** Names that people choose. All else is ids, digests and numbers. */
const cutNames = ['action', 'rule'] as const
const nameCharactersMin = 24

/** The draft with the longer of its names cut; undefined when none can be. */
function shorten(draft: EntryDraft, excessBytes: number): EntryDraft | undefined {
  const lengthOf = (name: string): number => String(draft.body[name] ?? '').length
  const [first, second] = cutNames
  const longer = lengthOf(first) >= lengthOf(second) ? first : second
  const value = draft.body[longer]
  if (typeof value !== 'string' || value.length <= nameCharactersMin) return undefined
  // A character is one byte at least, so this never cuts too little to come to an end.
  const half = Math.ceil(excessBytes / 2)
  const kept = Math.max(nameCharactersMin, value.length - half - 1)
  const cut = `${value.slice(0, kept - 1).toWellFormed()}~`
  return { ...draft, body: { ...draft.body, [longer]: cut } }
}

/** `<log id>:<seq>:<leaf hash, base64url>`: what a reply's header carries. */
export function formatReceipt(logId: bigint, seq: bigint, entryHash: string): string {
  return `${logId}:${seq}:${entryHash}`
}
