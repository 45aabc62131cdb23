// POST /v1/agents/{agent}/public-keys/{thumbprint}/revoke
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { revokeAgentKey } from '../../store/identity/agent-keys.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName } from '../schemas.ts'
import { followKeys } from './add-public-key.ts'
import { requireAgent } from './agent.ts'
import { presentPublicKey, publicKeySchema, thumbprint } from './public-key.ts'

export const revokePublicKey = defineOperation({
  id: 'revoke-public-key',
  method: 'POST',
  path: '/v1/agents/{agent}/public-keys/{thumbprint}/revoke',
  summary: 'Revoke a public key, and the API keys that are bound to it; again changes nothing',
  roles: ['operator'],
  params: z.strictObject({ agent: agentIdOrName, thumbprint }),
  reply: publicKeySchema,
  errors: ['agent.unknown', 'request.not_found'],
  run: async (context, { params }) => {
    const { db, organisationId } = context
    const { agentId } = await requireAgent(db, organisationId, params.agent)
    const key = await runCommand(db, organisationId, (tx) =>
      revokeAgentKey(tx, organisationId, { agentId, thumbprint: params.thumbprint }),
    )
    if (key === undefined) {
      throw new AirworthyError('request.not_found', `the agent has no key ${params.thumbprint}`)
    }
    await followKeys(context, agentId)
    return presentPublicKey(key)
  },
})
