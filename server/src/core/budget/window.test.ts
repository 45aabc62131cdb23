import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type CalendarUnit, parseWindow, periodOf } from './window.ts'

// Whole and half hours east and west, clocks turned by an hour and by half an hour, at midnight, and
// a zone that skipped a day.
const zones = [
  'UTC',
  'Europe/Paris',
  'America/New_York',
  'America/Sao_Paulo',
  'America/Havana',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Asia/Tehran',
  'Africa/Casablanca',
  'Pacific/Apia',
]
const units: readonly CalendarUnit[] = ['hour', 'day', 'week', 'month']
const hourMs = 3_600_000

/** The oracle: what a calendar on the wall shows, as Intl tells it. */
function wallOf(ms: number, zone: string) {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    timeZoneName: 'longOffset',
    calendar: 'iso8601',
  })
  const parts = new Map(format.formatToParts(ms).map((part) => [part.type, part.value]))
  const date = `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`
  const weekday = (new Date(`${date}T00:00Z`).getUTCDay() + 6) % 7
  const monday = new Date(Date.parse(`${date}T00:00Z`) - weekday * 24 * hourMs)
  return {
    hour: `${date} ${parts.get('hour')} ${parts.get('timeZoneName')}`,
    day: date,
    week: monday.toISOString().slice(0, 10),
    month: date.slice(0, 7),
  }
}

const time = fc.integer({ min: Date.UTC(2010, 0), max: Date.UTC(2035, 0) })
const nearTurn = fc.constantFrom(
  Date.UTC(2026, 2, 29, 1),
  Date.UTC(2026, 9, 25, 1),
  Date.UTC(2026, 10, 1, 6),
  Date.UTC(2026, 3, 4, 15),
  Date.UTC(2026, 9, 3, 15, 30),
  Date.UTC(2018, 10, 4, 3),
  Date.UTC(2011, 11, 30, 10),
)
const around = fc
  .tuple(nearTurn, fc.integer({ min: -30 * hourMs, max: 30 * hourMs }))
  .map(([turn, offset]) => turn + offset)

test('a period holds the times that show the same hour, day, week or month on the wall, and no others', () => {
  fc.assert(
    fc.property(
      fc.oneof(time, around),
      fc.constantFrom(...zones),
      fc.constantFrom(...units),
      (nowMs, zone, unit) => {
        const { startMs, endMs } = periodOf({ kind: 'calendar', unit, zone }, nowMs)
        assert(endMs !== undefined && startMs <= nowMs && nowMs < endMs)
        const wall = wallOf(nowMs, zone)[unit]
        assert.equal(wallOf(startMs, zone)[unit], wall, 'its start')
        assert.equal(wallOf(endMs - 1, zone)[unit], wall, 'its last moment')
        assert.notEqual(wallOf(startMs - 1, zone)[unit], wall, 'before it')
        assert.notEqual(wallOf(endMs, zone)[unit], wall, 'after it')
      },
    ),
    { numRuns: 3000 },
  )
})

test('periods follow one another without a gap, and the key names the period', () => {
  fc.assert(
    fc.property(around, fc.constantFrom(...zones), fc.constantFrom(...units), (ms, zone, unit) => {
      const window = { kind: 'calendar', unit, zone } as const
      const first = periodOf(window, ms)
      const next = periodOf(window, first.endMs ?? 0)
      assert.equal(next.startMs, first.endMs)
      assert.notEqual(next.key, first.key)
      assert.deepEqual(periodOf(window, (first.endMs ?? 0) - 1), first)
    }),
  )
})

function lengthOf(zone: string, ms: number): number {
  const { startMs, endMs = 0 } = periodOf({ kind: 'calendar', unit: 'day', zone }, ms)
  return (endMs - startMs) / hourMs
}

test('the day on which clocks are turned has 23 or 25 hours', () => {
  assert.equal(lengthOf('Europe/Paris', Date.UTC(2026, 2, 29, 12)), 23)
  assert.equal(lengthOf('Europe/Paris', Date.UTC(2026, 9, 25, 12)), 25)
  assert.equal(lengthOf('Australia/Lord_Howe', Date.UTC(2026, 3, 5, 0)), 24.5)
})

test('a window from outside is read, or refused with what is wrong', () => {
  assert.deepEqual(parseWindow({ kind: 'rolling', seconds: 3600 }), {
    kind: 'rolling',
    seconds: 3600,
  })
  const calendar = { kind: 'calendar', unit: 'week', zone: 'Europe/Paris' }
  assert.deepEqual(parseWindow(calendar), calendar)
  for (const [value, problem] of [
    [undefined, /kind/],
    [{ kind: 'daily' }, /kind/],
    [{ kind: 'rolling', seconds: 59 }, /seconds/],
    [{ kind: 'rolling', seconds: 60.5 }, /seconds/],
    [{ kind: 'calendar', unit: 'year', zone: 'UTC' }, /unit/],
    [{ kind: 'calendar', unit: 'day', zone: 'Mars/Olympus' }, /Mars/],
    [{ kind: 'calendar', unit: 'day', zone: '+02:00' }, /zone/],
    [{ kind: 'calendar', unit: 'day' }, /zone/],
  ] as const) {
    assert.throws(() => parseWindow(value), problem)
  }
})
