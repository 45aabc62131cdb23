// Where the entries of a call are. A call that was open while the log was rotated has its outcome in
// a later shard than its intent.
import type { Kysely } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import { listShards, type Shard } from './checkpoints.ts'
import { findEntries } from './entries.ts'
import type { Schema } from '../schema/schema.ts'

export type CallEntry = {
  readonly shard: Shard
  readonly seq: string
  readonly entry: Buffer
}

/** Undefined where no shard has an entry of the call at this number. */
export async function findCallEntry(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly callId: string; readonly logId: string; readonly seq: string },
): Promise<CallEntry | undefined> {
  const shards = await listShards(db, organisationId)
  for (const shard of shards.filter(({ logId }) => logId >= BigInt(of.logId))) {
    const place = { logId: String(shard.logId), seqs: [of.seq] }
    const [row] = await findEntries(db, organisationId, place)
    if (row !== undefined && callOf(row.entry) === of.callId) return { shard, ...row }
  }
  return undefined
}

function callOf(entry: Buffer): unknown {
  const parsed: unknown = JSON.parse(entry.toString())
  return typeof parsed === 'object' && parsed !== null && 'call' in parsed ? parsed.call : undefined
}
