// POST /v1/sessions/{id}/close
import { completeWithSession } from '../../store/runs/run-commands.ts'
import { closeSession as writeClosed } from '../../store/sessions.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { presentSession, requireSession, sessionSchema } from './session.ts'

export const closeSession = defineOperation({
  id: 'close-session',
  method: 'POST',
  path: '/v1/sessions/{id}/close',
  summary: 'Close a session: its key is refused from now on; closing it again changes nothing',
  roles: ['operator', 'launcher'],
  params: idParams,
  reply: sessionSchema,
  errors: ['request.not_found', 'run.unfinished'],
  run: async ({ db, organisationId, operator }, { params }) =>
    runCommand(db, organisationId, async (tx) => {
      const session = await requireSession(tx, organisationId, params.id)
      if (session.state === 'closed') return presentSession(session)
      const { operatorId } = operator
      await completeWithSession(tx, organisationId, { sessionId: params.id, operatorId })
      await writeClosed(tx, organisationId, { session, operatorId: operator.operatorId })
      return presentSession(await requireSession(tx, organisationId, params.id))
    }),
})
