// POST /v1/log/rotate
import type { LogShard } from '@airworthy/sdk'
import { closeShard } from '../../store/log/log-shards.ts'
import { defineOperation } from '../operation.ts'
import { presentShard, shardSchema } from './shard.ts'

export const rotateLog = defineOperation({
  id: 'rotate-log',
  method: 'POST',
  path: '/v1/log/rotate',
  summary: 'Close the shard of the log: the next one begins with its final checkpoint',
  roles: ['operator'],
  reply: shardSchema,
  errors: ['log.unavailable'],
  run: async ({ db, organisationId, operator }): Promise<LogShard> =>
    presentShard({ shard: await closeShard(db, organisationId, operator.operatorId) }),
})
