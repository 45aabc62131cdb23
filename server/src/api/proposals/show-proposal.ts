// GET /v1/proposals/{id}
import { AirworthyError } from '../../core/errors.ts'
import { findProposal } from '../../store/two-person.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { presentProposal, proposalSchema } from './proposal.ts'

export const showProposal = defineOperation({
  id: 'show-proposal',
  method: 'GET',
  path: '/v1/proposals/{id}',
  summary: 'Show a proposal',
  roles: ['operator', 'auditor'],
  params: idParams,
  reply: proposalSchema,
  errors: ['proposal.unknown'],
  run: async ({ db, organisationId }, { params }) => {
    const proposal = await findProposal(db, organisationId, params.id)
    if (proposal === undefined) {
      throw new AirworthyError('proposal.unknown', `there is no proposal ${params.id}`)
    }
    return presentProposal(proposal)
  },
})
