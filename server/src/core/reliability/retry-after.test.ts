import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { parseHttpDate, readRetryAfter } from './retry-after.ts'

const nowMs = Date.UTC(1994, 10, 6, 8, 49, 0)

suite('readRetryAfter', () => {
  const cases: readonly (readonly [Record<string, string>, number | undefined])[] = [
    [{}, undefined],
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': ' 0 ' }, 0],
    [{ 'retry-after': '1.5' }, 1500],
    [{ 'retry-after-ms': '120' }, 120],
    [{ 'retry-after-ms': '120', 'retry-after': '7' }, 120],
    [{ 'retry-after-ms': 'soon', 'retry-after': '7' }, 7000],
    [{ 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' }, 37_000],
    [{ 'retry-after': 'Sunday, 06-Nov-94 08:49:37 GMT' }, 37_000],
    [{ 'retry-after': 'Sun Nov  6 08:49:37 1994' }, 37_000],
    [{ 'retry-after': 'Sun, 06 Nov 1994 08:48:00 GMT' }, 0],
    [{ 'retry-after': '-3' }, undefined],
    [{ 'retry-after': '1e9' }, undefined],
    [{ 'retry-after': '99999999999999999999' }, undefined],
    [{ 'retry-after': 'Wed, 30 Feb 1994 08:49:37 GMT' }, undefined],
    [{ 'retry-after': 'Sun, 06 Nov 1994 24:49:37 GMT' }, undefined],
    [{ 'retry-after': 'Sun, 06 Nov 1994 08:49:37 +0100' }, undefined],
    [{ 'retry-after': '1994-11-06T08:49:37Z' }, undefined],
  ]
  for (const [headers, expected] of cases) {
    test(`reads ${JSON.stringify(headers)} as ${expected} ms`, () => {
      assert.equal(readRetryAfter(headers, nowMs), expected)
    })
  }

  test('reads back what a date of any second is written as, in each of the three forms', () => {
    const seconds = fc.integer({ min: 0, max: Date.UTC(2040, 0) / 1000 })
    fc.assert(
      fc.property(seconds, (second) => {
        const atMs = second * 1000
        const fixed = new Date(atMs).toUTCString()
        const [weekday = '', day = '', month = '', year = '', time = ''] = fixed.split(/,? /)
        const asctime = `${weekday} ${month} ${day.replace(/^0/, ' ')} ${time} ${year}`
        const long = new Date(atMs).toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' })
        const rfc850 = `${long}, ${day}-${month}-${year.slice(2)} ${time} GMT`
        for (const text of [fixed, asctime, rfc850]) {
          assert.equal(parseHttpDate(text, atMs), atMs, text)
        }
      }),
    )
  })

  test('a year of two digits that is more than 50 years ahead was in the past', () => {
    const now = Date.UTC(2026, 0)
    assert.equal(parseHttpDate('Monday, 01-Jan-77 00:00:00 GMT', now), Date.UTC(1977, 0))
    assert.equal(parseHttpDate('Wednesday, 01-Jan-76 00:00:00 GMT', now), Date.UTC(2076, 0))
  })
})
