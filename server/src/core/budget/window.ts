// The windows of a budget: how long what was used counts. A calendar's period begins and ends by the
// clocks of its zone, so that a day there may have 23 or 25 hours.

export type CalendarUnit = 'hour' | 'day' | 'week' | 'month'

export type BudgetWindow =
  /** Forever. */
  | { readonly kind: 'whole' }
  /** `zone` is an IANA name; a week begins on Monday (ISO 8601). */
  | { readonly kind: 'calendar'; readonly unit: CalendarUnit; readonly zone: string }
  | { readonly kind: 'rolling'; readonly seconds: number }

export type Period = {
  /** Names the period among all of one subject. */
  readonly key: string
  /** Milliseconds since 1970; the period holds its start and not its end. */
  readonly startMs: number
  /** Undefined where it never ends, or moves with the clock. */
  readonly endMs: number | undefined
}

export const rollingSecondsMin = 60
export const rollingSecondsMax = 366 * 24 * 3600
const hourMs = 3_600_000
const zoneLengthMax = 64

/** Reads a window from outside. Throws `RangeError`, which says what is wrong with it. */
export function parseWindow(value: unknown): BudgetWindow {
  const window = new Map(typeof value === 'object' && value !== null ? Object.entries(value) : [])
  const kind: unknown = window.get('kind')
  if (kind === 'whole') return { kind }
  if (kind === 'rolling') {
    const seconds: unknown = window.get('seconds')
    const isWhole = typeof seconds === 'number' && Number.isInteger(seconds)
    if (!isWhole || seconds < rollingSecondsMin || seconds > rollingSecondsMax) {
      throw new RangeError(`seconds: from ${rollingSecondsMin} to ${rollingSecondsMax}`)
    }
    return { kind, seconds }
  }
  if (kind !== 'calendar') throw new RangeError('kind: whole, calendar or rolling')
  const unit: unknown = window.get('unit')
  if (!isCalendarUnit(unit)) throw new RangeError('unit: hour, day, week or month')
  return { kind, unit, zone: parseZone(window.get('zone')) }
}

function isCalendarUnit(value: unknown): value is CalendarUnit {
  return value === 'hour' || value === 'day' || value === 'week' || value === 'month'
}

function parseZone(zone: unknown): string {
  const isName = typeof zone === 'string' && zone.length <= zoneLengthMax && /^[A-Za-z]/.test(zone)
  if (!isName) throw new RangeError('zone: the IANA name of a time zone, such as Europe/Paris')
  try {
    return atTime(0, zone).timeZoneId
  } catch {
    throw new RangeError(`zone: this system knows no time zone ${zone}`)
  }
}

/** The period of the window that the time lies in. */
export function periodOf(window: BudgetWindow, nowMs: number): Period {
  if (window.kind !== 'calendar') return { key: window.kind, startMs: 0, endMs: undefined }
  const { unit, zone } = window
  const { startMs, endMs } = unit === 'hour' ? hourOf(nowMs, zone) : datesOf(nowMs, { unit, zone })
  return { key: `${unit}:${startMs}`, startMs, endMs }
}

function atTime(ms: number, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone)
}

function datesOf(
  nowMs: number,
  { unit, zone }: { unit: 'day' | 'week' | 'month'; zone: string },
): { startMs: number; endMs: number } {
  const today = atTime(nowMs, zone).toPlainDate()
  const first =
    unit === 'month'
      ? today.with({ day: 1 })
      : today.subtract({ days: unit === 'week' ? today.dayOfWeek - 1 : 0 })
  const lengths = { day: { days: 1 }, week: { weeks: 1 }, month: { months: 1 } } as const
  const startMs = first.toZonedDateTime(zone).epochMilliseconds
  return { startMs, endMs: first.add(lengths[unit]).toZonedDateTime(zone).epochMilliseconds }
}

/** An hour ends early where the clocks are turned within it: some zones turn them by half an hour. */
function hourOf(nowMs: number, zone: string): { startMs: number; endMs: number } {
  const now = atTime(nowMs, zone)
  const sinceHour = modulo(nowMs + now.offsetNanoseconds / 1_000_000, hourMs)
  const turnedMs = transitionMs(atTime(nowMs + 1, zone), 'previous')
  const turnsMs = transitionMs(now, 'next')
  const startMs = Math.max(nowMs - sinceHour, turnedMs ?? Number.NEGATIVE_INFINITY)
  const endMs = Math.min(nowMs - sinceHour + hourMs, turnsMs ?? Number.POSITIVE_INFINITY)
  return { startMs, endMs }
}

function transitionMs(
  time: Temporal.ZonedDateTime,
  direction: 'previous' | 'next',
): number | undefined {
  return time.getTimeZoneTransition(direction)?.epochMilliseconds
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}
