// POST /v1/identity/deactivate
import type { DeactivateIdentity } from '@airworthy/sdk'
import { z } from 'zod'
import { listAgentKeys, revokeAgentKey } from '../../store/identity/agent-keys.ts'
import { listApiKeys, revokeApiKey } from '../../store/identity/keys.ts'
import { runCommand } from '../../store/transaction.ts'
import { type Context, defineOperation } from '../operation.ts'
import { identitySchema, ofAgent, presentIdentity, subjectOf } from './identity.ts'

const body: z.ZodType<DeactivateIdentity> = z
  .strictObject(ofAgent)
  .meta({ id: 'DeactivateIdentity' })

export const deactivateIdentity = defineOperation({
  id: 'deactivate-identity',
  method: 'POST',
  path: '/v1/identity/deactivate',
  summary: "Deactivate a DID for good; an agent's keys are revoked first",
  roles: ['operator'],
  body,
  reply: identitySchema,
  errors: [
    'agent.unknown',
    'identity.deactivated',
    'identity.rotation_refused',
    'identity.signer_failed',
  ],
  run: async (context, { body: request }) => {
    const subjectId = await subjectOf(context, request.agent)
    if (request.agent !== undefined) await revokeAll(context, subjectId)
    await context.identities.change(subjectId, { isDeactivation: true })
    return presentIdentity(context, subjectId)
  },
})

/** At once, and before the DID: the agent must not act any more when the answer comes. */
function revokeAll({ db, organisationId }: Context, agentId: string): Promise<void> {
  return runCommand(db, organisationId, async (tx) => {
    for (const { apiKeyId } of await listApiKeys(tx, organisationId, { agentId })) {
      await revokeApiKey(tx, organisationId, { agentId, apiKeyId })
    }
    for (const { thumbprint } of await listAgentKeys(tx, organisationId, agentId)) {
      await revokeAgentKey(tx, organisationId, { agentId, thumbprint })
    }
  })
}
