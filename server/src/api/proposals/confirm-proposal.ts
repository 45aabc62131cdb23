// POST /v1/proposals/{id}/confirm
import { AirworthyError } from '../../core/errors.ts'
import { runCommand } from '../../store/transaction.ts'
import { confirm } from '../../store/two-person.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { appliers } from './appliers.ts'
import { presentProposal, proposalSchema } from './proposal.ts'

export const confirmProposal = defineOperation({
  id: 'confirm-proposal',
  method: 'POST',
  path: '/v1/proposals/{id}/confirm',
  summary: 'Confirm what another operator proposed: it is done in the same transaction',
  roles: ['operator'],
  params: idParams,
  reply: proposalSchema,
  errors: [
    'proposal.unknown',
    'proposal.expired',
    'proposal.settled',
    'proposal.same_person',
    'kill.unknown',
    'kill.not_in_force',
    'limit.changed',
    'limit.too_many',
    'money.quote_changed',
    'money.authorisation_unknown',
  ],
  run: async ({ db, organisationId, operator }, { params }) => {
    const command = { proposalId: params.id, operatorId: operator.operatorId }
    const confirmed = await runCommand(db, organisationId, async (tx) => {
      const proposal = await confirm(tx, organisationId, command)
      const apply = appliers.get(proposal.kind)
      if (apply === undefined) {
        throw new AirworthyError('internal.unexpected', `nothing applies a ${proposal.kind}`)
      }
      await apply(tx, organisationId, { proposal, operatorId: operator.operatorId })
      return proposal
    })
    return presentProposal(confirmed)
  },
})
