// POST /v1/identity/witness-proofs
import type { AddWitnessProof } from '@airworthy/sdk'
import { z } from 'zod'
import { defineOperation } from '../operation.ts'
import { identitySchema, object, ofAgent, presentIdentity, subjectOf } from './identity.ts'
import { addProof } from './witnessing.ts'

const body: z.ZodType<AddWitnessProof> = z
  .strictObject({ ...ofAgent, versionId: z.string().max(100), proof: object })
  .meta({ id: 'AddWitnessProof' })

export const addWitnessProof = defineOperation({
  id: 'add-witness-proof',
  method: 'POST',
  path: '/v1/identity/witness-proofs',
  summary: "Add a witness's proof; the version is published when enough have approved it",
  roles: ['operator'],
  body,
  reply: identitySchema,
  errors: ['agent.unknown', 'identity.did_invalid', 'identity.key_unsafe', 'identity.key_invalid'],
  run: async (context, { body: request }) => {
    const subjectId = await subjectOf(context, request.agent)
    await addProof(context.identities, subjectId, request)
    return presentIdentity(context, subjectId)
  },
})
