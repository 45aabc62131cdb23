// GET /v1/audit/accesses
import type { LoggedAccess, LoggedAccessPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listAccesses as readAccesses } from '../../store/audit/accesses.ts'
import { defineOperation } from '../operation.ts'
import { id, integerText, nextOf, page, time } from '../schemas.ts'

const accessSchema = z
  .object({
    id,
    kind: z.string(),
    operatorId: id,
    operator: z.string().nullable(),
    operation: z.string(),
    call: id.nullable(),
    calls: z.array(id).meta({ description: 'All that were opened, where it is known.' }),
    reason: z.string(),
    logId: integerText,
    seq: integerText,
    at: time,
  })
  .meta({ id: 'LoggedAccess' }) satisfies z.ZodType<LoggedAccess>

const reply: z.ZodType<LoggedAccessPage> = z
  .object({ accesses: z.array(accessSchema), next: id.nullable() })
  .meta({ id: 'LoggedAccessPage' })

export const listAccesses = defineOperation({
  id: 'list-accesses',
  method: 'GET',
  path: '/v1/audit/accesses',
  summary: 'List who read payloads or the log, and why; newest first',
  roles: ['operator', 'auditor'],
  query: z.strictObject({ ...page, call: id.exactOptional() }),
  reply,
  errors: [],
  run: async ({ db, organisationId }, { query }) => {
    const rows = await readAccesses(db, organisationId, {
      callId: query.call,
      after: query.after,
      limit: query.limit,
    })
    const accesses = rows.map((row) => ({
      id: row.accessId,
      kind: row.kind,
      operatorId: row.operatorId,
      operator: row.operatorName,
      operation: row.operation,
      call: row.callId,
      calls: [...row.callIds],
      reason: row.reason,
      logId: row.logId,
      seq: row.seq,
      at: row.at.toISOString(),
    }))
    return {
      accesses,
      next: nextOf(
        accesses.map((access) => access.id),
        query.limit,
      ),
    }
  },
})
