// GET /v1/log
import type { LogSummary } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { checkLog } from '../../store/log/log-check.ts'
import { defineOperation } from '../operation.ts'
import { integerText, logId } from '../schemas.ts'
import { chooseLog } from './choose-log.ts'

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
const running = new Map<string, Promise<LogSummary>>()

export const showLog = defineOperation({
  id: 'show-log',
  method: 'GET',
  path: '/v1/log',
  summary: 'Check the log: gaps, chains of agents, calls without an outcome',
  roles: ['operator', 'auditor'],
  query: z.strictObject({
    log: logId.exactOptional().meta({ description: 'A shard. Default: the open one.' }),
  }),
  reply,
  errors: ['request.not_found', 'log.unavailable', 'log.shard_deleted'],
  run: async ({ db, organisationId }, { query }) => {
    const log = await chooseLog(db, organisationId, query.log)
    // Between the last entry of a shard and the first of the next there is none.
    if (log === undefined) throw new AirworthyError('log.unavailable', 'the log is being rotated')
    const key = `${organisationId} ${log.logId}`
    const shared = running.get(key)
    if (shared !== undefined) return shared
    const started = checkLog(db, organisationId, log.logId).finally(() => running.delete(key))
    running.set(key, started)
    return started
  },
})
