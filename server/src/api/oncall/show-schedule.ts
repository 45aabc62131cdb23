// GET /v1/oncall/{name}
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { readSchedules } from '../../store/holds/on-call.ts'
import { defineOperation } from '../operation.ts'
import { presentSchedule, scheduleName, scheduleSchema } from './schedule.ts'

export const showSchedule = defineOperation({
  id: 'show-schedule',
  method: 'GET',
  path: '/v1/oncall/{name}',
  summary: 'Show a schedule, and whose shift it is',
  roles: ['operator', 'approver', 'auditor'],
  params: z.strictObject({ name: scheduleName }),
  reply: scheduleSchema,
  errors: ['oncall.unknown'],
  run: async (context, { params }) => {
    const [row] = await readSchedules(context.db, context.organisationId, [params.name])
    if (row !== undefined) return presentSchedule(context, row)
    throw new AirworthyError('oncall.unknown', `there is no schedule ${params.name}`)
  },
})
