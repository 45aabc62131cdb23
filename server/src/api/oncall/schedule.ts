// Schedules of who is on call, as the wire shows them.
import type { Schedule } from '@airworthy/sdk'
import { z } from 'zod'
import { onCallAt } from '../../core/approval/on-call.ts'
import { findOperators } from '../../store/identity/operators.ts'
import type { ScheduleRow } from '../../store/holds/on-call.ts'
import type { Context } from '../operation.ts'
import { id } from '../schemas.ts'

export const scheduleName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, { error: 'expected the name of a schedule' })

const member = z.object({ id, name: z.string() })

export const scheduleSchema: z.ZodType<Schedule> = z
  .object({
    name: z.string(),
    members: z.array(member),
    zone: z.string(),
    startsOn: z.string(),
    handoverAt: z.string(),
    shiftDays: z.int(),
    onCall: member.nullable(),
  })
  .meta({ id: 'Schedule' })

const two = (number: number): string => String(number).padStart(2, '0')

export async function presentSchedule(
  { db, organisationId }: Pick<Context, 'db' | 'organisationId'>,
  row: ScheduleRow,
): Promise<Schedule> {
  const operators = await findOperators(db, organisationId, row.members)
  const names = new Map(operators.map((each) => [each.operatorId, each.name]))
  const show = (operatorId: string) => ({ id: operatorId, name: names.get(operatorId) ?? '' })
  const now = onCallAt(row, Date.now())
  const { name, zone, startsOn, shiftDays, handoverMinutes } = row
  return {
    name,
    members: row.members.map(show),
    zone,
    startsOn,
    handoverAt: `${two(Math.floor(handoverMinutes / 60))}:${two(handoverMinutes % 60)}`,
    shiftDays,
    onCall: now === undefined ? null : show(now),
  }
}
