// POST /v1/agents/{agent}/keys
import type { IssuedKey } from '@airworthy/sdk'
import { z } from 'zod'
import { issueApiKey } from '../../store/keys.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, id } from '../schemas.ts'
import { requireAgent } from './agent.ts'

const reply: z.ZodType<IssuedKey> = z
  .object({ id, apiKey: z.string().meta({ description: 'Shown once; stored as a hash.' }) })
  .meta({ id: 'IssuedKey' })

export const issueKey = defineOperation({
  id: 'issue-key',
  method: 'POST',
  path: '/v1/agents/{agent}/keys',
  summary: 'Issue one more API key of an agent',
  roles: ['operator'],
  params: z.strictObject({ agent: agentIdOrName }),
  reply,
  errors: ['agent.unknown'],
  run: async ({ db, organisationId }, { params }) => {
    const agent = await requireAgent(db, organisationId, params.agent)
    const issued = await runCommand(db, organisationId, (tx) =>
      issueApiKey(tx, organisationId, agent.agentId),
    )
    return { id: issued.apiKeyId, apiKey: issued.key }
  },
})
