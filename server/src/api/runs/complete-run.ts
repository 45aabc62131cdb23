// POST /v1/runs/{id}/complete
import { completeRun as writeCompleted, requireRun } from '../../store/runs/run-commands.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { presentRun, runSchema } from './run.ts'

export const completeRun = defineOperation({
  id: 'complete-run',
  method: 'POST',
  path: '/v1/runs/{id}/complete',
  summary: 'Complete a run: what it did stays, and what was deferred is carried out',
  roles: ['operator', 'launcher'],
  params: idParams,
  reply: runSchema,
  errors: ['run.unknown', 'run.unfinished', 'run.closed'],
  run: async ({ db, organisationId, operator, runs }, { params }) => {
    const completed = await runCommand(db, organisationId, async (tx) => {
      const run = await requireRun(tx, organisationId, params.id)
      return writeCompleted(tx, organisationId, { run, operatorId: operator.operatorId })
    })
    runs.wake()
    return presentRun(completed)
  },
})
