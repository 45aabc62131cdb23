// GET /v1/oncall
import type { SchedulePage } from '@airworthy/sdk'
import { z } from 'zod'
import { readSchedules } from '../../store/holds/on-call.ts'
import { defineOperation } from '../operation.ts'
import { presentSchedule, scheduleSchema } from './schedule.ts'

const reply: z.ZodType<SchedulePage> = z
  .object({ schedules: z.array(scheduleSchema) })
  .meta({ id: 'SchedulePage' })

export const listSchedules = defineOperation({
  id: 'list-schedules',
  method: 'GET',
  path: '/v1/oncall',
  summary: 'List who is on call',
  roles: ['operator', 'approver', 'auditor'],
  reply,
  errors: [],
  run: async (context) => {
    const rows = await readSchedules(context.db, context.organisationId)
    return { schedules: await Promise.all(rows.map((row) => presentSchedule(context, row))) }
  },
})
