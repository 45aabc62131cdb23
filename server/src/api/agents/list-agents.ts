// GET /v1/agents
import type { AgentPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listAgents as readAgents } from '../../store/agents.ts'
import { defineOperation } from '../operation.ts'
import { id, nextOf, page } from '../schemas.ts'
import { agentSchema, presentAgent } from './agent.ts'

const reply: z.ZodType<AgentPage> = z
  .object({ agents: z.array(agentSchema), next: id.nullable() })
  .meta({ id: 'AgentPage' })

export const listAgents = defineOperation({
  id: 'list-agents',
  method: 'GET',
  path: '/v1/agents',
  summary: 'List the enrolled agents',
  roles: ['operator', 'auditor'],
  query: z.strictObject(page),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => {
    const rows = await readAgents(db, organisationId, { after: query.after, limit: query.limit })
    const ids = rows.map((row) => row.agentId)
    return { agents: rows.map(presentAgent), next: nextOf(ids, query.limit) }
  },
})
