// POST /v1/sessions/{id}/undo
import { takeBackRun, wholeSessionRun } from '../../store/runs/run-commands.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { loadPact } from '../pacts.ts'
import { idParams } from '../schemas.ts'
import { requireSession } from '../sessions/session.ts'
import { presentRun, runSchema, takeBackSchema } from './run.ts'

export const undoSession = defineOperation({
  id: 'undo-session',
  method: 'POST',
  path: '/v1/sessions/{id}/undo',
  summary: 'Undo all that a session did: it takes no more tool calls, and its effects are undone',
  roles: ['operator'],
  params: idParams,
  body: takeBackSchema,
  reply: runSchema,
  errors: ['request.not_found', 'run.closed'],
  run: async ({ db, organisationId, operator, runs }, { params }) => {
    const { pactId } = await requireSession(db, organisationId, params.id)
    const pact = await loadPact(db, organisationId, pactId)
    const { operatorId } = operator
    const undone = await runCommand(db, organisationId, async (tx) => {
      const session = await requireSession(tx, organisationId, params.id)
      const opening = { session, policy: pact.runs, operatorId }
      const run = await wholeSessionRun(tx, organisationId, opening)
      return takeBackRun(tx, organisationId, { run, reason: 'run.undone', operatorId })
    })
    runs.wake()
    return presentRun(undone)
  },
})
