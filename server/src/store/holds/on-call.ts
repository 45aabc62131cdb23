// Schedules of who is on call.
import { type Kysely, sql } from 'kysely'
import { onCallAt, type Schedule } from '../../core/approval/on-call.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'

export type ScheduleRow = Schedule & {
  readonly name: string
  readonly setBy: string
  readonly setAt: Date
}

/** An organisation has few teams; more schedules than this are not listed. */
const schedulesMax = 1_000

/** By name; of the given names, or all. */
export async function readSchedules(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  names?: readonly string[],
): Promise<ScheduleRow[]> {
  let query = db
    .selectFrom('airworthy.oncall')
    .select(['schedule', 'members', 'zone', 'handover_minutes', 'shift_days', 'set_by', 'set_at'])
    .select(sql<string>`starts_on::text`.as('starts_on'))
    .where('organisation_id', '=', organisationId)
  if (names !== undefined) query = query.where('schedule', 'in', names)
  const rows = await query.orderBy('schedule').limit(schedulesMax).execute()
  return rows.map((row) => ({
    name: row.schedule,
    members: row.members,
    zone: row.zone,
    startsOn: row.starts_on,
    handoverMinutes: row.handover_minutes,
    shiftDays: row.shift_days,
    setBy: row.set_by,
    setAt: row.set_at,
  }))
}

/** Whose shift it is, by the name of the schedule. A schedule that is not there asks nobody. */
export async function readOnCall(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  asked: { readonly names: readonly string[]; readonly nowMs: number },
): Promise<ReadonlyMap<string, string>> {
  if (asked.names.length === 0) return new Map()
  const schedules = await readSchedules(db, organisationId, asked.names)
  return new Map(
    schedules.flatMap((schedule) => {
      const member = onCallAt(schedule, asked.nowMs)
      return member === undefined ? [] : [[schedule.name, member] as const]
    }),
  )
}

/** Sets a schedule, or replaces it. Call it inside a command. */
export async function setSchedule(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  set: Schedule & { readonly name: string; readonly setBy: string },
): Promise<void> {
  const { name, members, zone, startsOn, handoverMinutes, shiftDays, setBy } = set
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'oncall.set',
      agentId: organisationId,
      body: { members: members.length, operator: setBy, schedule: name },
    },
  ])
  const row = {
    members: [...members],
    zone,
    starts_on: startsOn,
    handover_minutes: handoverMinutes,
    shift_days: shiftDays,
    set_by: setBy,
    set_at: new Date(entry?.atMs ?? 0),
  }
  await tx
    .insertInto('airworthy.oncall')
    .values({ organisation_id: organisationId, schedule: name, ...row })
    .onConflict((conflict) => conflict.columns(['organisation_id', 'schedule']).doUpdateSet(row))
    .execute()
}
