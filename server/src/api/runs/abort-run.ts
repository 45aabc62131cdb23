// POST /v1/runs/{id}/abort
import { AirworthyError } from '../../core/errors.ts'
import { requireRun, takeBackRun } from '../../store/runs/run-commands.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { presentRun, runSchema, takeBackSchema } from './run.ts'

export const abortRun = defineOperation({
  id: 'abort-run',
  method: 'POST',
  path: '/v1/runs/{id}/abort',
  summary: 'Abort a run that is not completed: it takes no more calls, and is undone',
  roles: ['operator', 'launcher'],
  params: idParams,
  body: takeBackSchema,
  reply: runSchema,
  errors: ['run.unknown', 'run.closed'],
  run: async ({ db, organisationId, operator, runs }, { params }) => {
    const aborted = await runCommand(db, organisationId, async (tx) => {
      const run = await requireRun(tx, organisationId, params.id)
      if (run.state === 'completed') {
        const message = 'the run is completed; an operator can still undo it'
        throw new AirworthyError('run.closed', message)
      }
      const { operatorId } = operator
      return takeBackRun(tx, organisationId, { run, reason: 'run.aborted', operatorId })
    })
    runs.wake()
    return presentRun(aborted)
  },
})
