// POST /v1/agents/{agent}/keys/{id}/revoke
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { revokeApiKey } from '../../store/identity/keys.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, id } from '../schemas.ts'
import { apiKeySchema, presentApiKey, requireAgent } from './agent.ts'

export const revokeKey = defineOperation({
  id: 'revoke-key',
  method: 'POST',
  path: '/v1/agents/{agent}/keys/{id}/revoke',
  summary: 'Revoke an API key; revoking it again changes nothing',
  roles: ['operator'],
  params: z.strictObject({ agent: agentIdOrName, id }),
  reply: apiKeySchema,
  errors: ['agent.unknown', 'request.not_found'],
  run: async ({ db, organisationId }, { params }) => {
    const { agentId } = await requireAgent(db, organisationId, params.agent)
    const key = await runCommand(db, organisationId, (tx) =>
      revokeApiKey(tx, organisationId, { agentId, apiKeyId: params.id }),
    )
    if (key === undefined) {
      throw new AirworthyError('request.not_found', `the agent has no key ${params.id}`)
    }
    return presentApiKey(key)
  },
})
