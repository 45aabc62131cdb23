// POST /v1/audit/erasures
import type { RequestErasure } from '@airworthy/sdk'
import { z } from 'zod'
import { reasonCharactersMax } from '../../core/audit/reason.ts'
import { requestErasure as eraseSubject } from '../../store/audit/erasures.ts'
import { defineOperation } from '../operation.ts'
import { text } from '../schemas.ts'
import { erasureSchema, presentErasure, requireErasure } from './erasure.ts'

const body: z.ZodType<RequestErasure> = z
  .strictObject({
    subject: text({ min: 1, max: 1_000 }),
    reason: text({ min: 1, max: reasonCharactersMax }),
    closeSessions: z.boolean().exactOptional(),
  })
  .meta({ id: 'RequestErasure' })

export const requestErasure = defineOperation({
  id: 'request-erasure',
  method: 'POST',
  path: '/v1/audit/erasures',
  summary: "Erase a data subject: its keys are destroyed at once, its payloads' bytes follow",
  roles: ['admin'],
  body,
  reply: erasureSchema,
  errors: ['erasure.legal_hold', 'erasure.in_use'],
  run: async (context, { body: request }) => {
    const { db, organisationId, operator } = context
    const erasureId = await eraseSubject(db, organisationId, {
      subject: request.subject,
      subjectIds: await context.subjectIds(request.subject),
      operatorId: operator.operatorId,
      reason: request.reason,
      closeSessions: request.closeSessions === true,
    })
    return presentErasure(await requireErasure(context, erasureId))
  },
})
