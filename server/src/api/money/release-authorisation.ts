// POST /v1/authorisations/{id}/release
import type { AuthorisationRelease, ReleaseAuthorisation } from '@airworthy/sdk'
import { z } from 'zod'
import { proposeRelease } from '../../store/money/money-authorisations.ts'
import { defineOperation } from '../operation.ts'
import { id, idParams, text } from '../schemas.ts'

const body: z.ZodType<ReleaseAuthorisation> = z
  .strictObject({ reason: text({ min: 1, max: 1000 }) })
  .meta({ id: 'ReleaseAuthorisation' })

const reply: z.ZodType<AuthorisationRelease> = z
  .object({ callId: id, proposal: id })
  .meta({ id: 'AuthorisationRelease' })

export const releaseAuthorisation = defineOperation({
  id: 'release-authorisation',
  method: 'POST',
  path: '/v1/authorisations/{id}/release',
  summary: 'Propose that what a call has set aside counts as open no more',
  roles: ['operator'],
  params: idParams,
  body,
  reply,
  errors: ['money.authorisation_unknown', 'proposal.too_many'],
  run: async ({ db, organisationId, operator }, { params, body: { reason } }) => {
    const { operatorId } = operator
    const command = { callId: params.id, reason, operatorId }
    const proposal = await proposeRelease(db, organisationId, command)
    return { callId: params.id, proposal: proposal.proposalId }
  },
})
