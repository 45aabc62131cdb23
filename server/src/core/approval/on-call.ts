// Who is on call. Members take turns; a shift is whole days by the clocks of the schedule's zone, so
// that it may last an hour more or less where they are turned.

export type Schedule = {
  /** In the order of their shifts; at least one. */
  readonly members: readonly string[]
  /** IANA name. */
  readonly zone: string
  /** The date of the first shift, `YYYY-MM-DD`. */
  readonly startsOn: string
  /** Minutes after midnight at which shifts change. */
  readonly handoverMinutes: number
  readonly shiftDays: number
}

export const membersMax = 100
export const shiftDaysMax = 366

/** The member whose shift it is; before the first one nobody is on call. */
export function onCallAt(schedule: Schedule, nowMs: number): string | undefined {
  const { members, zone, startsOn, handoverMinutes, shiftDays } = schedule
  const now = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(zone)
  const isBefore = now.hour * 60 + now.minute < handoverMinutes
  const days = Temporal.PlainDate.from(startsOn).until(now.toPlainDate(), { largestUnit: 'days' })
  const passed = days.days - (isBefore ? 1 : 0)
  if (passed < 0) return undefined
  return members[Math.floor(passed / shiftDays) % members.length]
}
