// POST /v1/identity/recover
import type { RecoverIdentity } from '@airworthy/sdk'
import { z } from 'zod'
import { defineOperation } from '../operation.ts'
import { didLogText, identitySchema, ofAgent, presentIdentity, subjectOf } from './identity.ts'
import { recover } from './recovery.ts'

const body: z.ZodType<RecoverIdentity> = z
  .strictObject({ ...ofAgent, line: didLogText })
  .meta({ id: 'RecoverIdentity' })

export const recoverIdentity = defineOperation({
  id: 'recover-identity',
  method: 'POST',
  path: '/v1/identity/recover',
  summary: 'Append the entry that was drafted, signed with the recovery key',
  roles: ['operator'],
  body,
  reply: identitySchema,
  errors: [
    'agent.unknown',
    'identity.deactivated',
    'identity.rotation_refused',
    'identity.did_unresolvable',
    'identity.signer_failed',
  ],
  run: async (context, { body: request }) => {
    const subjectId = await subjectOf(context, request.agent)
    await recover(context.identities, subjectId, request.line.trim())
    return presentIdentity(context, subjectId)
  },
})
