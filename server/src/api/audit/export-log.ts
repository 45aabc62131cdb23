// GET /v1/audit/export
import { Readable } from 'node:stream'
import { z } from 'zod'
import { recordAccess } from '../../store/audit/accesses.ts'
import { defineOperation, RawReply } from '../operation.ts'
import { logId } from '../schemas.ts'
import { planBundle } from './bundle-plan.ts'
import { writeBundle } from './write-bundle.ts'

const place = z.union([z.string().regex(/^\d{1,15}$/), z.iso.datetime({ offset: true })], {
  error: 'expected the number of an entry, or a time like 2026-11-22T00:00:00Z',
})

export const exportLog = defineOperation({
  id: 'export-log',
  method: 'GET',
  path: '/v1/audit/export',
  summary: 'Export a part of the log as one file that verifies offline (application/x-ndjson)',
  roles: ['operator', 'auditor'],
  query: z.strictObject({
    log: logId.exactOptional(),
    from: place.exactOptional(),
    to: place
      .exactOptional()
      .meta({ description: 'Not included. Default: all that is published.' }),
  }),
  reply: z.unknown(),
  errors: [
    'request.not_found',
    'log.not_published',
    'log.unavailable',
    'log.storage',
    'log.shard_deleted',
    'audit.range_invalid',
  ],
  run: async (context, { query }) => {
    const { db, organisationId, operator, reason } = context
    const plan = await planBundle(context, query)
    await recordAccess(db, organisationId, {
      kind: 'export',
      operatorId: operator.operatorId,
      operation: 'export-log',
      reason,
      range: { logId: String(plan.shard.logId), from: BigInt(plan.from), to: BigInt(plan.to) },
    })
    const stream = Readable.from(writeBundle(context, plan), { objectMode: false })
    return new RawReply('application/x-ndjson', stream)
  },
})
