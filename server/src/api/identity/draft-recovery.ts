// POST /v1/identity/recovery-drafts
import type { DraftRecovery, RecoveryDraft } from '@airworthy/sdk'
import { z } from 'zod'
import { parseMultikey } from '../../core/identity/public-key.ts'
import { defineOperation } from '../operation.ts'
import { did, multikey, object, ofAgent, subjectOf } from './identity.ts'
import { draftRecovery as draft } from './recovery.ts'

const body: z.ZodType<DraftRecovery> = z
  .strictObject({
    ...ofAgent,
    recoveryKey: multikey,
    nextRecoveryKey: multikey.exactOptional(),
  })
  .meta({ id: 'DraftRecovery' })

const reply: z.ZodType<RecoveryDraft> = z
  .object({
    did,
    entry: z.object({
      versionId: z.string(),
      versionTime: z.string(),
      parameters: object,
      state: object,
    }),
  })
  .meta({ id: 'RecoveryDraft' })

export const draftRecovery = defineOperation({
  id: 'draft-recovery',
  method: 'POST',
  path: '/v1/identity/recovery-drafts',
  summary: 'Draft the entry that the recovery key of a DID has to sign; nothing is stored',
  roles: ['operator'],
  body,
  reply,
  errors: [
    'agent.unknown',
    'identity.deactivated',
    'identity.rotation_refused',
    'identity.key_unsafe',
    'identity.key_invalid',
    'identity.signer_failed',
  ],
  run: async (context, { body: request }) => {
    const { recoveryKey, nextRecoveryKey } = request
    parseMultikey(recoveryKey)
    if (nextRecoveryKey !== undefined) parseMultikey(nextRecoveryKey)
    const subjectId = await subjectOf(context, request.agent)
    const identity = await context.identities.ensure(subjectId)
    const entry = await draft(context.identities, subjectId, { recoveryKey, nextRecoveryKey })
    return { did: identity.did, entry }
  },
})
