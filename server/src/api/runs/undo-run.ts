// POST /v1/runs/{id}/undo
import { requireRun, takeBackRun } from '../../store/runs/run-commands.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { presentRun, runSchema, takeBackSchema } from './run.ts'

export const undoRun = defineOperation({
  id: 'undo-run',
  method: 'POST',
  path: '/v1/runs/{id}/undo',
  summary: 'Undo a run, also one that is completed; try a stuck one again',
  roles: ['operator'],
  params: idParams,
  body: takeBackSchema,
  reply: runSchema,
  errors: ['run.unknown', 'run.closed'],
  run: async ({ db, organisationId, operator, runs }, { params }) => {
    const undone = await runCommand(db, organisationId, async (tx) => {
      const run = await requireRun(tx, organisationId, params.id)
      const { operatorId } = operator
      return takeBackRun(tx, organisationId, { run, reason: 'run.undone', operatorId })
    })
    runs.wake()
    return presentRun(undone)
  },
})
