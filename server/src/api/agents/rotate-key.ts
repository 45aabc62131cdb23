// POST /v1/agents/{agent}/keys/{id}/rotate
import type { RotateKey } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { rotateApiKey } from '../../store/identity/keys.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, id, time } from '../schemas.ts'
import { expiryOf } from './add-public-key.ts'
import { requireAgent } from './agent.ts'
import { issuedKeySchema } from './issue-key.ts'

const overlapSecondsDefault = 3_600
const overlapSecondsMax = 30 * 24 * 3_600

const body: z.ZodType<RotateKey> = z
  .strictObject({
    overlapSeconds: z.int().min(0).max(overlapSecondsMax).exactOptional(),
    expiresAt: time.exactOptional(),
  })
  .meta({ id: 'RotateKey' })

export const rotateKey = defineOperation({
  id: 'rotate-key',
  method: 'POST',
  path: '/v1/agents/{agent}/keys/{id}/rotate',
  summary: 'Issue a key in the place of another, which goes on working for a while',
  roles: ['operator'],
  params: z.strictObject({ agent: agentIdOrName, id }),
  body,
  reply: issuedKeySchema,
  errors: ['agent.unknown', 'request.not_found'],
  run: async ({ db, organisationId }, { params, body: request }) => {
    const { agentId } = await requireAgent(db, organisationId, params.agent)
    const { overlapSeconds = overlapSecondsDefault } = request
    const overlapUntil = new Date(Date.now() + overlapSeconds * 1000)
    const expiresAt = expiryOf(request.expiresAt)
    const issued = await runCommand(db, organisationId, (tx) =>
      rotateApiKey(tx, organisationId, {
        agentId,
        apiKeyId: params.id,
        overlapUntil,
        expiresAt,
      }),
    )
    if (issued === undefined) {
      throw new AirworthyError('request.not_found', `the agent has no live key ${params.id}`)
    }
    return { id: issued.apiKeyId, apiKey: issued.key }
  },
})
