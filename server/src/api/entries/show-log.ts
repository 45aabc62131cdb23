// GET /v1/log
import type { LogSummary } from '@airworthy/sdk'
import { z } from 'zod'
import type { OrganisationId } from '../../core/ids.ts'
import { checkLog } from '../../store/log-check.ts'
import { defineOperation } from '../operation.ts'
import { integerText } from '../schemas.ts'

const reply: z.ZodType<LogSummary> = z
  .object({
    logId: integerText,
    size: integerText,
    gaps: z.int(),
    agentGaps: z.int(),
    brokenLinks: z.int(),
    entriesChecked: z.int(),
    callsWithoutOutcome: z.int(),
  })
  .meta({ id: 'LogSummary' })

// Requests that come while the log is read share the answer: reading it is the one expensive
// operation, and must not be a way to keep the database busy.
const running = new Map<OrganisationId, Promise<LogSummary>>()

export const showLog = defineOperation({
  id: 'show-log',
  method: 'GET',
  path: '/v1/log',
  summary: 'Check the log: gaps, chains of agents, calls without an outcome',
  roles: ['operator', 'auditor'],
  reply,
  errors: [],
  run: ({ db, organisationId }) => {
    const shared = running.get(organisationId)
    if (shared !== undefined) return shared
    const started = checkLog(db, organisationId).finally(() => running.delete(organisationId))
    running.set(organisationId, started)
    return started
  },
})
