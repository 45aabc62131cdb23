// POST /v1/handovers/{id}/give-back
import { endHandover, requireTaken } from '../../store/handover/handovers.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { handoverSchema, presentHandover } from './handover.ts'

export const giveBack = defineOperation({
  id: 'give-back',
  method: 'POST',
  path: '/v1/handovers/{id}/give-back',
  summary: 'Give a session back to its agent, which goes on',
  roles: ['operator'],
  params: idParams,
  reply: handoverSchema,
  errors: ['handover.unknown', 'handover.settled', 'handover.not_taken'],
  run: async ({ db, organisationId, operator }, { params }) => {
    const { operatorId } = operator
    const acting = { handoverId: params.id, operatorId }
    return presentHandover(
      await runCommand(db, organisationId, async (tx) => {
        const handover = await requireTaken(tx, organisationId, acting)
        return endHandover(tx, organisationId, { handover, operatorId, state: 'returned' })
      }),
    )
  },
})
