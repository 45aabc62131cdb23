// POST /v1/sessions/{id}/runs
import { AirworthyError } from '../../core/errors.ts'
import { openRun as insertRun } from '../../store/runs/run-commands.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { loadPact } from '../pacts.ts'
import { idParams } from '../schemas.ts'
import { requireSession } from '../sessions/session.ts'
import { openRunSchema, presentRun, runSchema } from './run.ts'

export const openRun = defineOperation({
  id: 'open-run',
  method: 'POST',
  path: '/v1/sessions/{id}/runs',
  summary: 'Open a run: writes of the session that stand or fall together',
  roles: ['operator', 'launcher'],
  params: idParams,
  body: openRunSchema,
  reply: runSchema,
  errors: ['request.not_found', 'session.closed', 'run.exists', 'run.too_many'],
  run: async ({ db, organisationId, operator }, { params, body: request }) => {
    const { runs } = await loadPact(
      db,
      organisationId,
      (await requireSession(db, organisationId, params.id)).pactId,
    )
    return runCommand(db, organisationId, async (tx) => {
      const session = await requireSession(tx, organisationId, params.id)
      if (session.state === 'closed') {
        throw new AirworthyError('session.closed', 'the session is closed')
      }
      const { name, ...policy } = request
      const { operatorId } = operator
      const opening = { session, name, policy: { ...runs, ...policy }, operatorId }
      return presentRun(await insertRun(tx, organisationId, opening))
    })
  },
})
