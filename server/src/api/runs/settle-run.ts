// POST /v1/runs/{id}/settle
import { requireRun, settleRun as writeSettled } from '../../store/runs/run-commands.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { presentRun, runSchema, settleSchema } from './run.ts'

export const settleRun = defineOperation({
  id: 'settle-run',
  method: 'POST',
  path: '/v1/runs/{id}/settle',
  summary: 'Settle a stuck run: a person has seen to what could not be undone',
  roles: ['operator'],
  params: idParams,
  body: settleSchema,
  reply: runSchema,
  errors: ['run.unknown', 'run.closed'],
  run: async ({ db, organisationId, operator }, { params, body }) =>
    runCommand(db, organisationId, async (tx) => {
      const run = await requireRun(tx, organisationId, params.id)
      const { operatorId } = operator
      const { reason } = body
      return presentRun(await writeSettled(tx, organisationId, { run, operatorId, reason }))
    }),
})
