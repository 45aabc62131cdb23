// POST /v1/proposals/{id}/withdraw
import { runCommand } from '../../store/transaction.ts'
import { withdraw } from '../../store/two-person.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { presentProposal, proposalSchema } from './proposal.ts'

export const withdrawProposal = defineOperation({
  id: 'withdraw-proposal',
  method: 'POST',
  path: '/v1/proposals/{id}/withdraw',
  summary: 'Take a proposal back, or refuse it',
  roles: ['operator'],
  params: idParams,
  reply: proposalSchema,
  errors: ['proposal.unknown', 'proposal.settled'],
  run: async ({ db, organisationId, operator }, { params }) => {
    const command = { proposalId: params.id, operatorId: operator.operatorId }
    return presentProposal(
      await runCommand(db, organisationId, (tx) => withdraw(tx, organisationId, command)),
    )
  },
})
