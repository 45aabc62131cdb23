// GET /v1/runs
import type { RunPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listRuns as readRuns } from '../../store/runs/runs.ts'
import { defineOperation } from '../operation.ts'
import { id, nextOf, page } from '../schemas.ts'
import { presentRun, runSchema, runStateSchema } from './run.ts'

const reply: z.ZodType<RunPage> = z
  .object({ runs: z.array(runSchema), next: id.nullable() })
  .meta({ id: 'RunPage' })

export const listRuns = defineOperation({
  id: 'list-runs',
  method: 'GET',
  path: '/v1/runs',
  summary: 'List runs, such as those that are stuck',
  roles: ['operator', 'launcher'],
  query: z.strictObject({
    ...page,
    session: id.exactOptional(),
    state: runStateSchema.exactOptional(),
  }),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => {
    const { after, limit, state, session: sessionId } = query
    const rows = await readRuns(db, organisationId, { sessionId, state, after, limit })
    const ids = rows.map((row) => row.runId)
    return { runs: rows.map(presentRun), next: nextOf(ids, limit) }
  },
})
