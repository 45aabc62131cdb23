// POST /v1/identity/resolve
import type { ResolveDid, ResolvedDid } from '@airworthy/sdk'
import { z } from 'zod'
import { defineOperation } from '../operation.ts'
import { did, object } from './identity.ts'

const body: z.ZodType<ResolveDid> = z.strictObject({ did }).meta({ id: 'ResolveDid' })

const reply: z.ZodType<ResolvedDid> = z
  .object({
    did,
    document: object,
    versionId: z.string().nullable(),
    isDeactivated: z.boolean(),
  })
  .meta({ id: 'ResolvedDid' })

export const resolveDid = defineOperation({
  id: 'resolve-did',
  method: 'POST',
  path: '/v1/identity/resolve',
  summary: 'Resolve and verify a did:key, did:web or did:webvh',
  roles: ['operator', 'auditor'],
  body,
  reply,
  errors: [
    'identity.did_invalid',
    'identity.did_unresolvable',
    'identity.key_unsafe',
    'identity.key_invalid',
    'upstream.address_forbidden',
    'gateway.overloaded',
  ],
  run: async ({ resolveDid: resolve }, { body: request }) => {
    const resolved = await resolve(request.did)
    const { document, versionId, isDeactivated } = resolved
    return {
      did: resolved.did,
      document: { ...document },
      versionId: versionId ?? null,
      isDeactivated,
    }
  },
})
