// One line of the log: canonical JSON (RFC 8785) of at most 1,024 bytes, so that it can be a leaf
// of an RFC 6962 tree as it is. It holds no personal data: ids, digests, numbers and codes only.
import { hash } from 'node:crypto'

export const entryBytesMax = 1024
export const entrySchema = 1

export type EntryType =
  | 'agent.enrolled'
  | 'pact.activated'
  | 'key.issued'
  | 'key.revoked'
  | 'session.opened'
  | 'session.closed'
  | 'call.intent'
  | 'call.outcome'
  | 'call.denied'
  | 'call.repeated'
  | 'call.held'
  | 'hold.approved'
  | 'hold.rejected'
  | 'hold.expired'
  | 'effect.undo'
  | 'effect.undone'
  | 'effect.undo_failed'
  | 'lease.unknown'
  | 'replica.recovered'
  | 'replica.ended'

export type EntryValue = string | number | boolean

export type EntryDraft = {
  readonly type: EntryType
  /** Whose chain the entry joins: the agent's id; the organisation's id for what is no agent's. */
  readonly agentId: string
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
  /** Leaf hash of the agent's previous entry; 32 zero bytes for the first. */
  readonly previous: Buffer
  /** The database's clock, milliseconds since the Unix epoch. */
  readonly atMs: number
}

export type Entry = { readonly bytes: Buffer; readonly hash: Buffer }

export const noEntry: Buffer = Buffer.alloc(32)
const leafPrefix = Buffer.from([0])

/** RFC 6962 section 2.1: the hash of a leaf is SHA-256 over 0x00 and its bytes. */
export function leafHash(bytes: Buffer): Buffer {
  return hash('sha256', Buffer.concat([leafPrefix, bytes]), 'buffer')
}

/** Writes the entry's bytes. Throws when they would pass 1,024: a defect of the caller. */
export function buildEntry(draft: EntryDraft, place: EntryPlace): Entry {
  // The order of the keys is the canonical one; absent ones are dropped by JSON.stringify.
  const text = JSON.stringify({
    agent: draft.agentId,
    at: new Date(place.atMs).toISOString(),
    body: draft.body,
    call: draft.callId,
    number: Number(place.number),
    pact: draft.pactId,
    previous: place.previous.toString('base64url'),
    schema: entrySchema,
    session: draft.sessionId,
    type: draft.type,
    version: draft.versionId,
  })
  const bytes = Buffer.from(text)
  if (bytes.length > entryBytesMax) {
    throw new RangeError(`an entry of ${bytes.length} bytes passes ${entryBytesMax}`)
  }
  return { bytes, hash: leafHash(bytes) }
}

/** `<log id>:<seq>:<leaf hash, base64url>`: what a reply's header carries. */
export function formatReceipt(logId: bigint, seq: bigint, entryHash: Buffer): string {
  return `${logId}:${seq}:${entryHash.toString('base64url')}`
}
