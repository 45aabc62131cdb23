// POST /v1/audit/shard-deletions
import type { DeleteShard } from '@airworthy/sdk'
import { z } from 'zod'
import { reasonCharactersMax } from '../../core/audit/reason.ts'
import { readClock } from '../../store/log/checkpoints.ts'
import { announceShardDeletion } from '../../store/log/shard-deletions.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { logId, text } from '../schemas.ts'
import { presentShardDeletion, shardDeletionSchema } from './shard-deletion.ts'

const body: z.ZodType<DeleteShard> = z
  .strictObject({ log: logId, reason: text({ min: 1, max: reasonCharactersMax }) })
  .meta({ id: 'DeleteShard' })

export const deleteShard = defineOperation({
  id: 'delete-shard',
  method: 'POST',
  path: '/v1/audit/shard-deletions',
  summary: 'Delete a closed shard of the log that is past its retention; an entry says so first',
  roles: ['admin'],
  body,
  reply: shardDeletionSchema,
  errors: ['request.not_found', 'log.shard_kept', 'log.shard_deleted'],
  run: async ({ db, organisationId, operator }, { body: request }) => {
    const row = await runCommand(db, organisationId, async (tx) =>
      announceShardDeletion(tx, organisationId, {
        logId: request.log,
        reason: request.reason,
        operatorId: operator.operatorId,
        nowMs: await readClock(tx),
      }),
    )
    return presentShardDeletion(row)
  },
})
