// GET /v1/cache
import type { CacheStats } from '@airworthy/sdk'
import { z } from 'zod'
import { readCacheStats } from '../../store/models/model-cache-stats.ts'
import { requireAgent } from '../agents/agent.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, id, integerText } from '../schemas.ts'
import { presentStanding, standingSchema } from './cache.ts'

const reply: z.ZodType<CacheStats> = z
  .object({
    models: z.array(
      z
        .object({
          agentId: id,
          agent: z.string(),
          model: z.string(),
          entries: z.int(),
          bytes: integerText,
          hits: integerText,
        })
        .meta({ id: 'CachedModel' }),
    ),
    standings: z.array(standingSchema),
  })
  .meta({ id: 'CacheStats' })

export const showCache = defineOperation({
  id: 'show-cache',
  method: 'GET',
  path: '/v1/cache',
  summary: 'What the caches of models hold, and how the semantic ones stand',
  roles: ['operator', 'auditor'],
  query: z.strictObject({ agent: agentIdOrName.exactOptional() }),
  reply,
  errors: ['agent.unknown'],
  run: async ({ db, organisationId }, { query }) => {
    const { agent } = query
    const agentId =
      agent === undefined ? undefined : (await requireAgent(db, organisationId, agent)).agentId
    const { models, standings } = await readCacheStats(db, organisationId, agentId)
    return {
      models: models.map(({ agentName, ...shown }) => ({ ...shown, agent: agentName })),
      standings: standings.map(presentStanding),
    }
  },
})
