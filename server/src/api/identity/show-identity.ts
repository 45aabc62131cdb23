// GET /v1/identity
import { z } from 'zod'
import { defineOperation } from '../operation.ts'
import { identitySchema, ofAgent, presentIdentity, subjectOf } from './identity.ts'

export const showIdentity = defineOperation({
  id: 'show-identity',
  method: 'GET',
  path: '/v1/identity',
  summary: 'Show the DID of the organisation, or of an agent',
  roles: ['operator', 'auditor'],
  query: z.strictObject(ofAgent),
  reply: identitySchema,
  errors: ['agent.unknown', 'identity.signer_failed'],
  run: async (context, { query }) =>
    presentIdentity(context, await subjectOf(context, query.agent)),
})
