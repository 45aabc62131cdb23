// POST /v1/identity/rotate
import type { RotateIdentity } from '@airworthy/sdk'
import { z } from 'zod'
import { parseMultikey } from '../../core/identity/public-key.ts'
import { defineOperation } from '../operation.ts'
import {
  identitySchema,
  multikey,
  ofAgent,
  presentIdentity,
  subjectOf,
  witnessRule,
} from './identity.ts'

const body: z.ZodType<RotateIdentity> = z
  .strictObject({
    ...ofAgent,
    recoveryKey: multikey.exactOptional(),
    witness: witnessRule.nullable().exactOptional(),
  })
  .meta({ id: 'RotateIdentity' })

export const rotateIdentity = defineOperation({
  id: 'rotate-identity',
  method: 'POST',
  path: '/v1/identity/rotate',
  summary: 'Rotate the update key of a DID; commit to a recovery key; name its witnesses',
  roles: ['operator'],
  body,
  reply: identitySchema,
  errors: [
    'agent.unknown',
    'identity.deactivated',
    'identity.rotation_refused',
    'identity.did_unresolvable',
    'identity.key_unsafe',
    'identity.key_invalid',
    'identity.signer_failed',
  ],
  run: async (context, { body: request }) => {
    const { recoveryKey, witness } = request
    if (recoveryKey !== undefined) parseMultikey(recoveryKey)
    const subjectId = await subjectOf(context, request.agent)
    await context.identities.change(subjectId, {
      ...(recoveryKey === undefined ? {} : { recoveryKey }),
      ...(witness === undefined ? {} : { witness: witnessParameter(witness) }),
    })
    return presentIdentity(context, subjectId)
  },
})

function witnessParameter(rule: RotateIdentity['witness']): Readonly<Record<string, unknown>> {
  if (rule === undefined || rule === null) return {}
  return { threshold: rule.threshold, witnesses: rule.witnesses.map((id) => ({ id })) }
}
