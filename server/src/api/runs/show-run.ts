// GET /v1/runs/{id}
import { requireRun } from '../../store/runs/run-commands.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { readDetail, runDetailSchema } from './run.ts'

export const showRun = defineOperation({
  id: 'show-run',
  method: 'GET',
  path: '/v1/runs/{id}',
  summary: 'Show a run with its steps, and what could not be undone',
  roles: ['operator', 'launcher'],
  params: idParams,
  reply: runDetailSchema,
  errors: ['run.unknown'],
  run: async (context, { params }) => {
    const { db, organisationId } = context
    return readDetail(context, await requireRun(db, organisationId, params.id))
  },
})
