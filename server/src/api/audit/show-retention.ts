// GET /v1/audit/retention
import { defineOperation } from '../operation.ts'
import { presentRetention, retentionSchema } from './retention.ts'

export const showRetention = defineOperation({
  id: 'show-retention',
  method: 'GET',
  path: '/v1/audit/retention',
  summary: 'Show for how long each class of records is kept',
  roles: ['operator', 'auditor'],
  reply: retentionSchema,
  errors: [],
  run: (context) => presentRetention(context),
})
