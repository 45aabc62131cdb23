// GET /v1/cache/pairs
import type { CachePairPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listPairs } from '../../store/models/model-cache-evidence.ts'
import { requireAgent } from '../agents/agent.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, id, nextOf, page } from '../schemas.ts'
import { pairSchema, presentPair, verdictSchema } from './cache.ts'

const reply: z.ZodType<CachePairPage> = z
  .object({ pairs: z.array(pairSchema), next: id.nullable() })
  .meta({ id: 'CachePairPage' })

export const listCachePairs = defineOperation({
  id: 'list-cache-pairs',
  method: 'GET',
  path: '/v1/cache/pairs',
  summary: 'Replies held against what the semantic cache would have given',
  roles: ['operator', 'auditor'],
  query: z.strictObject({
    ...page,
    agent: agentIdOrName.exactOptional(),
    verdict: verdictSchema.exactOptional(),
  }),
  reply,
  errors: ['agent.unknown'],
  run: async ({ db, organisationId }, { query }) => {
    const { agent, verdict, after, limit } = query
    const agentId =
      agent === undefined ? undefined : (await requireAgent(db, organisationId, agent)).agentId
    const rows = await listPairs(db, organisationId, { agentId, verdict, after, limit })
    const ids = rows.map((row) => row.pairId)
    return { pairs: rows.map(presentPair), next: nextOf(ids, limit) }
  },
})
