// POST /v1/audit/retention
import type { SetRetention } from '@airworthy/sdk'
import { z } from 'zod'
import { setRetention as writeRetention } from '../../store/audit/retention.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { presentRetention, retentionClassSchema, retentionSchema } from './retention.ts'

const daysMax = 36_500

const body: z.ZodType<SetRetention> = z
  .strictObject({ class: retentionClassSchema, days: z.int().min(1).max(daysMax) })
  .meta({ id: 'SetRetention' })

export const setRetention = defineOperation({
  id: 'set-retention',
  method: 'POST',
  path: '/v1/audit/retention',
  summary: 'Set for how long a class of records is kept',
  roles: ['admin'],
  body,
  reply: retentionSchema,
  errors: [],
  run: async (context, { body: change }) => {
    const { db, organisationId, operator } = context
    await runCommand(db, organisationId, (tx) =>
      writeRetention(tx, organisationId, { ...change, operatorId: operator.operatorId }),
    )
    return presentRetention(context)
  },
})
