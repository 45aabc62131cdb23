// GET /v1/agents/{agent}
import type { AgentDetail } from '@airworthy/sdk'
import { z } from 'zod'
import { listPacts, listVersions } from '../../store/agents.ts'
import { listBudgets } from '../../store/budgets/budgets.ts'
import { listApiKeys } from '../../store/identity/keys.ts'
import { findPact } from '../../store/pacts.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName } from '../schemas.ts'
import {
  agentSchema,
  agentVersionSchema,
  apiKeySchema,
  budgetSchema,
  pactVersionSchema,
  presentAgent,
  presentApiKey,
  presentBudget,
  presentPact,
  presentVersion,
  requireAgent,
} from './agent.ts'

const reply: z.ZodType<AgentDetail> = z
  .object({
    agent: agentSchema,
    versions: z.array(agentVersionSchema),
    pacts: z.array(pactVersionSchema),
    keys: z.array(apiKeySchema),
    budgets: z.array(budgetSchema),
    manifest: z.string(),
  })
  .meta({ id: 'AgentDetail' })

export const showAgent = defineOperation({
  id: 'show-agent',
  method: 'GET',
  path: '/v1/agents/{agent}',
  summary: 'Show an agent: versions, pacts, keys, budgets and its manifest',
  roles: ['operator', 'auditor'],
  params: z.strictObject({ agent: agentIdOrName }),
  reply,
  errors: ['agent.unknown'],
  run: async ({ db, organisationId }, { params }) => {
    const agent = await requireAgent(db, organisationId, params.agent)
    const { agentId } = agent
    const [versions, pacts, keys, budgets, source] = await Promise.all([
      listVersions(db, organisationId, agentId),
      listPacts(db, organisationId, agentId),
      listApiKeys(db, organisationId, { agentId }),
      listBudgets(db, organisationId, [agentId]),
      findPact(db, organisationId, agent.pact.pactId),
    ])
    return {
      agent: presentAgent(agent),
      versions: versions.map(presentVersion),
      pacts: pacts.map(presentPact),
      keys: keys.map(presentApiKey),
      budgets: budgets.map(presentBudget),
      manifest: source.manifest,
    }
  },
})
