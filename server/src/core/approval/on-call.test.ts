import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { onCallAt, type Schedule } from './on-call.ts'

const paris: Schedule = {
  members: ['ann', 'ben', 'cleo'],
  zone: 'Europe/Paris',
  startsOn: '2026-03-27',
  handoverMinutes: 9 * 60,
  shiftDays: 1,
}

test('shifts change at the hour of the zone, on days of 23 and of 25 hours too', () => {
  const cases = [
    ['2026-03-27T07:59Z', undefined],
    ['2026-03-27T08:00Z', 'ann'],
    ['2026-03-28T07:59Z', 'ann'],
    ['2026-03-28T08:00Z', 'ben'],
    // The clocks are turned on the 29th: nine o'clock comes an hour earlier.
    ['2026-03-29T06:59Z', 'ben'],
    ['2026-03-29T07:00Z', 'cleo'],
    ['2026-10-24T07:00Z', 'ben'],
    ['2026-10-25T07:59Z', 'ben'],
    ['2026-10-25T08:00Z', 'cleo'],
  ] as const
  for (const [at, member] of cases) {
    assert.equal(onCallAt(paris, Date.parse(at)), member, at)
  }
})

test('whenever it is, one member is on call, and each has as many shifts in turn', () => {
  const schedule = fc.record({
    members: fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 7 }),
    zone: fc.constantFrom('UTC', 'America/Sao_Paulo', 'Australia/Lord_Howe', 'Pacific/Apia'),
    startsOn: fc.constant('2010-01-04'),
    handoverMinutes: fc.integer({ min: 0, max: 1439 }),
    shiftDays: fc.integer({ min: 1, max: 14 }),
  })
  const times = fc.integer({ min: Date.UTC(2010, 1, 1), max: Date.UTC(2030, 0, 1) })
  fc.assert(
    fc.property(schedule, times, (each, atMs) => {
      const now = onCallAt(each, atMs)
      const index = each.members.indexOf(now ?? '')
      assert(index >= 0)
      // A shift later, by the calendar of the zone, it is the next one's turn.
      const later = Temporal.Instant.fromEpochMilliseconds(atMs)
        .toZonedDateTimeISO(each.zone)
        .add({ days: each.shiftDays })
      fc.pre(later.hour * 60 + later.minute === minutesOf(atMs, each.zone))
      const next = onCallAt(each, later.epochMilliseconds)
      assert.equal(next, each.members[(index + 1) % each.members.length])
    }),
  )
})

function minutesOf(ms: number, zone: string): number {
  const time = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone)
  return time.hour * 60 + time.minute
}
