// POST /v1/oncall/{name}
import type { SetSchedule } from '@airworthy/sdk'
import { z } from 'zod'
import { membersMax, shiftDaysMax } from '../../core/approval/on-call.ts'
import { voterRoles } from '../../core/approval/policy.ts'
import { parseWindow } from '../../core/budget/window.ts'
import { AirworthyError } from '../../core/errors.ts'
import { readSchedules, setSchedule as writeSchedule } from '../../store/holds/on-call.ts'
import {
  findActiveOperator,
  findOperator,
  type OperatorRow,
} from '../../store/identity/operators.ts'
import { runCommand } from '../../store/transaction.ts'
import { type Context, defineOperation } from '../operation.ts'
import { id, text } from '../schemas.ts'
import { presentSchedule, scheduleName, scheduleSchema } from './schedule.ts'

const handoverDefault = '09:00'
const shiftDaysDefault = 7

const body: z.ZodType<SetSchedule> = z
  .strictObject({
    members: z
      .array(text({ min: 1, max: 100 }))
      .min(1)
      .max(membersMax),
    zone: text({ min: 1, max: 64 }),
    startsOn: z.iso.date(),
    handoverAt: z
      .string()
      .regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, { error: 'expected HH:MM' })
      .exactOptional(),
    shiftDays: z.int().min(1).max(shiftDaysMax).exactOptional(),
  })
  .meta({ id: 'SetSchedule' })

export const setSchedule = defineOperation({
  id: 'set-schedule',
  method: 'POST',
  path: '/v1/oncall/{name}',
  summary: 'Set who is on call: members take turns by the clocks of a zone',
  roles: ['admin'],
  params: z.strictObject({ name: scheduleName }),
  body,
  reply: scheduleSchema,
  errors: [],
  run: (context, { params, body: request }) =>
    runCommand(context.db, context.organisationId, async (tx) => {
      const asking = { ...context, db: tx }
      const members: string[] = []
      for (const named of request.members) members.push(await memberOf(asking, named))
      const [hours = '0', minutes = '0'] = (request.handoverAt ?? handoverDefault).split(':')
      await writeSchedule(tx, context.organisationId, {
        name: params.name,
        members,
        zone: zoneOf(request.zone),
        startsOn: request.startsOn,
        handoverMinutes: Number(hours) * 60 + Number(minutes),
        shiftDays: request.shiftDays ?? shiftDaysDefault,
        setBy: context.operator.operatorId,
      })
      const [row] = await readSchedules(tx, context.organisationId, [params.name])
      if (row === undefined) throw new Error('a schedule that was just set cannot be read')
      return presentSchedule(asking, row)
    }),
})

/** Who votes, by name or id. */
async function memberOf(
  { db, organisationId }: Pick<Context, 'db' | 'organisationId'>,
  named: string,
): Promise<string> {
  const isId = id.safeParse(named).success
  const row: OperatorRow | undefined = isId
    ? await findOperator(db, organisationId, named)
    : await findActiveOperator(db, organisationId, named)
  const mayVote = voterRoles.some((role) => role === row?.role)
  if (row !== undefined && row.revokedAt === null && mayVote) return row.operatorId
  throw new AirworthyError('request.invalid', `body.members: nobody named ${named} may vote`)
}

function zoneOf(zone: string): string {
  try {
    const window = parseWindow({ kind: 'calendar', unit: 'day', zone })
    return window.kind === 'calendar' ? window.zone : zone
  } catch (cause) {
    const why = cause instanceof RangeError ? cause.message : 'not a zone'
    throw new AirworthyError('request.invalid', `body.${why}`, { cause })
  }
}
