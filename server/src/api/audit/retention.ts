// Retention as the wire shows it.
import type { Retention, ShardRetention } from '@airworthy/sdk'
import { z } from 'zod'
import { readRetention, retentionClasses } from '../../store/audit/retention.ts'
import { isGone, listShards, readClock } from '../../store/log/checkpoints.ts'
import { listShardDeletions, type ShardDeletionRow } from '../../store/log/shard-deletions.ts'
import { type JudgedShard, judgeShardNow } from '../../store/log/shard-retention.ts'
import type { Context } from '../operation.ts'
import { id, integerText, time } from '../schemas.ts'
import { presentShardDeletion, shardDeletionSchema } from './shard-deletion.ts'

export const retentionClassSchema = z.enum(retentionClasses)

const shardRetentionSchema = z
  .object({
    logId: integerText,
    name: z.string(),
    size: integerText,
    isOpen: z.boolean(),
    newestAt: time.nullable(),
    dueAt: time.nullable().meta({ description: 'When its retention ends.' }),
    keptBy: z
      .enum(['open', 'not_signed', 'not_due', 'legal_hold'])
      .nullable()
      .meta({ description: 'Null: it may be deleted, or is.' }),
    legalHolds: z.array(id),
    deletion: shardDeletionSchema.nullable(),
  })
  .meta({ id: 'ShardRetention' }) satisfies z.ZodType<ShardRetention>

export const retentionSchema: z.ZodType<Retention> = z
  .object({
    classes: z.array(
      z.object({
        class: retentionClassSchema,
        days: z.int(),
        setAt: time.nullable().meta({ description: 'Null: the default, 7 years.' }),
      }),
    ),
    shards: z.array(shardRetentionSchema),
  })
  .meta({ id: 'Retention' })

export async function presentRetention(context: Context): Promise<Retention> {
  const rows = await readRetention(context.db, context.organisationId)
  return {
    classes: rows.map((row) => ({
      class: row.class,
      days: row.days,
      setAt: row.setAt?.toISOString() ?? null,
    })),
    shards: await presentShards(context),
  }
}

async function presentShards({ db, organisationId }: Context): Promise<ShardRetention[]> {
  const nowMs = await readClock(db)
  const deletions = await listShardDeletions(db, organisationId)
  const presented: ShardRetention[] = []
  for (const shard of await listShards(db, organisationId)) {
    const judged = await judgeShardNow(db, organisationId, { shard, nowMs })
    const deletion = deletions.find((row) => row.logId === String(shard.logId))
    presented.push(presentJudged(judged, deletion))
  }
  return presented
}

function presentJudged(
  judged: JudgedShard,
  deletion: ShardDeletionRow | undefined,
): ShardRetention {
  const { shard, newestAtMs, dueAtMs, keptBy, legalHolds } = judged
  const isLeft = !isGone(shard)
  return {
    logId: String(shard.logId),
    name: shard.name,
    size: String(shard.size),
    isOpen: shard.isOpen,
    newestAt: timeOf(newestAtMs),
    dueAt: isLeft && !shard.isOpen ? timeOf(dueAtMs) : null,
    keptBy: isLeft ? (keptBy ?? null) : null,
    legalHolds: [...legalHolds],
    deletion: deletion === undefined ? null : presentShardDeletion(deletion),
  }
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}
