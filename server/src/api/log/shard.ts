import type { LogShard } from '@airworthy/sdk'
import { z } from 'zod'
import type { CheckpointRow, Shard } from '../../store/log/checkpoints.ts'
import type { ShardDeletionRow } from '../../store/log/shard-deletions.ts'
import { presentShardDeletion, shardDeletionSchema } from '../audit/shard-deletion.ts'
import { integerText, time } from '../schemas.ts'

export const shardSchema: z.ZodType<LogShard> = z
  .object({
    logId: integerText,
    name: z.string().meta({ description: 'In addresses: /log/<name>/checkpoint.' }),
    size: integerText.meta({ description: 'Entries that were acknowledged.' }),
    isOpen: z.boolean(),
    origin: z.string().nullable(),
    keys: z.array(z.string()).meta({ description: 'vkeys: of the log, and of its mirror.' }),
    checkpoint: z
      .object({ size: integerText, note: z.string(), isWitnessed: z.boolean(), signedAt: time })
      .nullable(),
    deletion: shardDeletionSchema.nullable(),
  })
  .meta({ id: 'LogShard' })

export function presentShard(of: {
  readonly shard: Shard
  readonly checkpoint?: CheckpointRow | undefined
  readonly deletion?: ShardDeletionRow | undefined
}): LogShard {
  const { shard, checkpoint, deletion } = of
  return {
    logId: String(shard.logId),
    name: shard.name,
    size: String(shard.size),
    isOpen: shard.isOpen,
    origin: shard.origin ?? null,
    keys: [shard.logKey, shard.mirrorKey].filter((key) => key !== undefined),
    checkpoint:
      checkpoint === undefined
        ? null
        : {
            size: String(checkpoint.size),
            note: checkpoint.note,
            isWitnessed: checkpoint.isWitnessed,
            signedAt: checkpoint.signedAt.toISOString(),
          },
    deletion: deletion === undefined ? null : presentShardDeletion(deletion),
  }
}
