// POST /v1/cache/purge
import type { PurgeCache, PurgedCache } from '@airworthy/sdk'
import { z } from 'zod'
import { purgeCache as purge } from '../../store/models/model-cache-stats.ts'
import { requireAgent } from '../agents/agent.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, text } from '../schemas.ts'

const body: z.ZodType<PurgeCache> = z
  .strictObject({ agent: agentIdOrName, model: text({ min: 1, max: 128 }).exactOptional() })
  .meta({ id: 'PurgeCache' })

const reply: z.ZodType<PurgedCache> = z.object({ entries: z.int() }).meta({ id: 'PurgedCache' })

export const purgeCache = defineOperation({
  id: 'purge-cache',
  method: 'POST',
  path: '/v1/cache/purge',
  summary: "Empty an agent's cache, or that of one of its models",
  roles: ['operator'],
  body,
  reply,
  errors: ['agent.unknown'],
  run: async ({ db, organisationId, operator }, { body: request }) => {
    const { agentId } = await requireAgent(db, organisationId, request.agent)
    const { operatorId } = operator
    const { model } = request
    return { entries: await purge(db, organisationId, { agentId, model, operatorId }) }
  },
})
