// GET /v1/log/shards
import type { LogShards } from '@airworthy/sdk'
import { z } from 'zod'
import { findLastCheckpoint, listShards as findShards } from '../../store/log/checkpoints.ts'
import { listShardDeletions } from '../../store/log/shard-deletions.ts'
import { defineOperation } from '../operation.ts'
import { formatVkey } from '../../core/tlog/note-key.ts'
import { presentShard, shardSchema } from './shard.ts'

const reply: z.ZodType<LogShards> = z
  .object({
    shards: z.array(shardSchema),
    witnessKey: z.string().meta({ description: 'The vkey by which this install cosigns others.' }),
  })
  .meta({ id: 'LogShards' })

export const listShards = defineOperation({
  id: 'list-shards',
  method: 'GET',
  path: '/v1/log/shards',
  summary: 'Show the shards of the log, their keys and last checkpoints',
  roles: ['operator', 'auditor'],
  reply,
  errors: [],
  run: async ({ db, organisationId, publishedLog }): Promise<LogShards> => {
    const shards = await findShards(db, organisationId)
    const deletions = await listShardDeletions(db, organisationId)
    const presented = await Promise.all(
      shards.map(async (shard) => {
        const checkpoint = await findLastCheckpoint(db, organisationId, shard.logId)
        const deletion = deletions.find((row) => row.logId === String(shard.logId))
        return presentShard({ shard, checkpoint, deletion })
      }),
    )
    return { shards: presented, witnessKey: formatVkey(publishedLog.witness.signer.key) }
  },
})
