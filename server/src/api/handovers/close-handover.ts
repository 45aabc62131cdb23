// POST /v1/handovers/{id}/close
import { requireTaken } from '../../store/handover/handovers.ts'
import { completeWithSession } from '../../store/runs/run-commands.ts'
import { closeSession } from '../../store/sessions.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { presentSession, requireSession, sessionSchema } from '../sessions/session.ts'

export const closeHandover = defineOperation({
  id: 'close-handover',
  method: 'POST',
  path: '/v1/handovers/{id}/close',
  summary: 'Close a session that you have taken: the agent does not get it back',
  roles: ['operator'],
  params: idParams,
  reply: sessionSchema,
  errors: ['handover.unknown', 'handover.settled', 'handover.not_taken', 'run.unfinished'],
  run: async ({ db, organisationId, operator }, { params }) => {
    const { operatorId } = operator
    return runCommand(db, organisationId, async (tx) => {
      const { sessionId } = await requireTaken(tx, organisationId, {
        handoverId: params.id,
        operatorId,
      })
      const session = await requireSession(tx, organisationId, sessionId)
      await completeWithSession(tx, organisationId, { sessionId, operatorId })
      // Its handover ends with it.
      await closeSession(tx, organisationId, { session, operatorId })
      return presentSession(await requireSession(tx, organisationId, sessionId))
    })
  },
})
