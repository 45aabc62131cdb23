// POST /v1/identity/witness
import type { WitnessApproval, WitnessDid } from '@airworthy/sdk'
import { z } from 'zod'
import { defineOperation } from '../operation.ts'
import { did, didLogText, object } from './identity.ts'
import { witnessDidLog } from './witnessing.ts'

const body: z.ZodType<WitnessDid> = z
  .strictObject({ did, log: didLogText })
  .meta({ id: 'WitnessDid' })

const reply: z.ZodType<WitnessApproval> = z
  .object({ versionId: z.string(), proof: object })
  .meta({ id: 'WitnessApproval' })

export const witnessDid = defineOperation({
  id: 'witness-did',
  method: 'POST',
  path: '/v1/identity/witness',
  summary: "Approve the last version of somebody's did:webvh as its witness",
  roles: ['operator'],
  body,
  reply,
  errors: [
    'identity.did_invalid',
    'identity.did_unresolvable',
    'identity.rotation_refused',
    'identity.signer_failed',
  ],
  run: async ({ identities }, { body: request }) => {
    const { versionId, proof } = await witnessDidLog(identities, request)
    return { versionId, proof: { ...proof } }
  },
})
