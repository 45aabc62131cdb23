// GET /v1/usage/calls
import type { ModelUse, ModelUsePage } from '@airworthy/sdk'
import { z } from 'zod'
import { listModelUse as readUse } from '../../store/models/model-usage.ts'
import { requireAgent } from '../agents/agent.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, id, integerText, nextOf, page, time } from '../schemas.ts'
import { UpstreamModels } from './upstream-models.ts'

const use: z.ZodType<ModelUse> = z
  .object({
    id,
    sessionId: id,
    agent: z.string(),
    model: z.string(),
    provider: z.string().nullable(),
    upstreamModel: z.string(),
    promptTokens: z.number(),
    cachedTokens: z.number(),
    cacheWriteTokens: z.number(),
    completionTokens: z.number(),
    costNanoUsd: integerText,
    at: time,
  })
  .meta({ id: 'ModelUse' })

const reply: z.ZodType<ModelUsePage> = z
  .object({ calls: z.array(use), next: id.nullable() })
  .meta({ id: 'ModelUsePage' })

export const listModelUse = defineOperation({
  id: 'list-model-use',
  method: 'GET',
  path: '/v1/usage/calls',
  summary: 'List what model calls used, oldest first',
  roles: ['operator', 'auditor'],
  query: z.strictObject({
    ...page,
    agent: agentIdOrName.exactOptional(),
    from: z.iso.datetime().exactOptional(),
    to: z.iso.datetime().exactOptional(),
  }),
  reply,
  errors: ['agent.unknown'],
  run: async (context, { query }) => {
    const { db, organisationId } = context
    const { agent, from, to, after, limit } = query
    const agentId =
      agent === undefined ? undefined : (await requireAgent(db, organisationId, agent)).agentId
    const rows = await readUse(db, organisationId, {
      agentId,
      fromMs: from === undefined ? undefined : Date.parse(from),
      toMs: to === undefined ? undefined : Date.parse(to),
      after,
      limit,
    })
    const upstream = new UpstreamModels(context)
    const calls: ModelUse[] = []
    for (const row of rows) {
      const { provider, name } = await upstream.find(row)
      const { callId, agentName, action, endpoint: _, pactId: __, createdAt, ...figures } = row
      calls.push({
        ...figures,
        id: callId,
        agent: agentName,
        model: action,
        provider: provider ?? null,
        upstreamModel: name,
        at: createdAt.toISOString(),
      })
    }
    return {
      calls,
      next: nextOf(
        rows.map((row) => row.callId),
        limit,
      ),
    }
  },
})
