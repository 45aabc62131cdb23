// POST /v1/agents/{agent}/keys
import type { IssuedKey, IssueKey } from '@airworthy/sdk'
import { z } from 'zod'
import { keyScopes } from '../../core/identity/key.ts'
import { issueApiKey } from '../../store/identity/keys.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, id, time } from '../schemas.ts'
import { expiryOf } from './add-public-key.ts'
import { requireAgent } from './agent.ts'
import { thumbprint } from './public-key.ts'

const body: z.ZodType<IssueKey> = z
  .strictObject({
    thumbprint: thumbprint.exactOptional(),
    scopes: z.array(z.enum(keyScopes)).min(1).max(keyScopes.length).exactOptional(),
    expiresAt: time.exactOptional(),
  })
  .meta({ id: 'IssueKey' })

export const issuedKeySchema: z.ZodType<IssuedKey> = z
  .object({ id, apiKey: z.string().meta({ description: 'Shown once; stored as a hash.' }) })
  .meta({ id: 'IssuedKey' })

export const issueKey = defineOperation({
  id: 'issue-key',
  method: 'POST',
  path: '/v1/agents/{agent}/keys',
  summary: 'Issue one more API key of an agent',
  roles: ['operator'],
  params: z.strictObject({ agent: agentIdOrName }),
  body,
  reply: issuedKeySchema,
  errors: ['agent.unknown', 'request.not_found', 'identity.deactivated'],
  run: async ({ db, organisationId }, { params, body: terms }) => {
    const agent = await requireAgent(db, organisationId, params.agent)
    const expiresAt = expiryOf(terms.expiresAt)
    const issued = await runCommand(db, organisationId, (tx) =>
      issueApiKey(tx, organisationId, agent.agentId, { ...terms, expiresAt }),
    )
    return { id: issued.apiKeyId, apiKey: issued.key }
  },
})
