// Which shards of the log are past their retention, and what keeps the others.
import type { Kysely } from 'kysely'
import { judgeShard, type ShardVerdict } from '../../core/audit/shard-retention.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { findLastCheckpoint, isGone, type Shard } from './checkpoints.ts'
import { findTimeOf } from './entries-at.ts'
import { activeLegalHolds, type LegalHoldRow } from '../audit/legal-holds.ts'
import { readRetention, retentionDaysDefault } from '../audit/retention.ts'
import type { Schema } from '../schema/schema.ts'

export type JudgedShard = ShardVerdict & {
  readonly shard: Shard
  readonly newestAtMs: number | undefined
  readonly legalHolds: readonly string[]
}

/** Judges a shard whose entries are there. `nowMs` is the database's clock. */
export async function judgeShardNow(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly shard: Shard; readonly nowMs: number },
): Promise<JudgedShard> {
  const { shard, nowMs } = of
  const { isOpen, size } = shard
  const retention = await readRetention(db, organisationId)
  const days = retention.find((row) => row.class === 'log')?.days ?? retentionDaysDefault
  const holds = await legalHoldsOfShard(db, organisationId, shard)
  const legalHolds = holds.map((hold) => hold.legalHoldId)
  const newestAtMs =
    size === 0 || isGone(shard)
      ? undefined
      : await findTimeOf(db, organisationId, { logId: String(shard.logId), seq: size - 1 })
  const checkpoint = await findLastCheckpoint(db, organisationId, shard.logId)
  const facts = { isOpen, size, checkpoint, newestAtMs, retentionDays: days, legalHolds }
  return { ...judgeShard(facts, nowMs), shard, newestAtMs, legalHolds }
}

/**
 * Legal holds in force that may concern an entry of the shard. Who a subject is does not stand in
 * the log, so a hold of a subject keeps every shard; one of an agent keeps all but those that were
 * closed before the agent was enrolled.
 */
export async function legalHoldsOfShard(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  { closedAt }: Shard,
): Promise<LegalHoldRow[]> {
  const holds = await activeLegalHolds(db, organisationId)
  const agentIds = holds.flatMap((hold) => hold.agentId ?? [])
  if (closedAt === undefined || agentIds.length === 0) return holds
  const younger = await db
    .selectFrom('airworthy.agents')
    .select('agent_id')
    .where('organisation_id', '=', organisationId)
    .where('agent_id', 'in', agentIds)
    .where('created_at', '>', closedAt)
    .execute()
  const free = new Set(younger.map((row) => row.agent_id))
  return holds.filter(({ scope, agentId }) => {
    return scope !== 'agent' || agentId === null || !free.has(agentId)
  })
}
