// GET /v1/agents/{agent}/public-keys
import type { PublicKeyPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listAgentKeys } from '../../store/identity/agent-keys.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName } from '../schemas.ts'
import { requireAgent } from './agent.ts'
import { presentPublicKey, publicKeySchema } from './public-key.ts'

const reply: z.ZodType<PublicKeyPage> = z
  .object({ keys: z.array(publicKeySchema) })
  .meta({ id: 'PublicKeyPage' })

export const listPublicKeys = defineOperation({
  id: 'list-public-keys',
  method: 'GET',
  path: '/v1/agents/{agent}/public-keys',
  summary: "List an agent's public keys, revoked ones too",
  roles: ['operator', 'auditor'],
  params: z.strictObject({ agent: agentIdOrName }),
  reply,
  errors: ['agent.unknown'],
  run: async ({ db, organisationId }, { params }) => {
    const { agentId } = await requireAgent(db, organisationId, params.agent)
    const keys = await listAgentKeys(db, organisationId, agentId)
    return { keys: keys.map(presentPublicKey) }
  },
})
