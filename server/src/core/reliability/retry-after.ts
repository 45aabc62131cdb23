// How long an upstream asks to be left alone: Retry-After as seconds or as an HTTP-date (RFC 9110,
// 5.6.7 and 10.2.3), and retry-after-ms, which model providers send beside it.

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** In ms, 0 or more; undefined where nothing is asked for, or it cannot be read. */
export function readRetryAfter(headers: Headers, nowMs: number): number | undefined {
  const exact = readNumber(headers['retry-after-ms'])
  if (exact !== undefined) return Math.ceil(exact)
  const value = headers['retry-after']
  const seconds = readNumber(value)
  if (seconds !== undefined) return Math.ceil(seconds * 1000)
  const atMs = typeof value === 'string' ? parseHttpDate(value.trim(), nowMs) : undefined
  return atMs === undefined ? undefined : Math.max(0, atMs - nowMs)
}

function readNumber(value: string | readonly string[] | undefined): number | undefined {
  if (typeof value !== 'string') return undefined
  // Providers send fractions too. More digits than these are no wait, but a mistake.
  return /^\s*\d{1,12}(\.\d{1,9})?\s*$/.test(value) ? Number(value) : undefined
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const clock = '(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})'
const month = `(?<month>${months.join('|')})`

const forms = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d{2}) ${month} (?<year>\\d{4}) ${clock} GMT`,
  // Sunday, 06-Nov-94 08:49:37 GMT
  `(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d{2})-${month}-(?<year>\\d{2}) ${clock} GMT`,
  // Sun Nov  6 08:49:37 1994
  `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${month} (?<day>[ \\d]\\d) ${clock} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`))

/** The time in ms of an HTTP-date in any of its three forms. */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  const parts = forms.map((form) => form.exec(text)?.groups).find((found) => found !== undefined)
  if (parts === undefined) return undefined
  const day = Number(parts['day'])
  const monthIndex = months.indexOf(parts['month'] ?? '')
  const hour = Number(parts['hour'])
  const minute = Number(parts['minute'])
  const second = Number(parts['second'])
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const written = Number(parts['year'])
  const year = parts['year']?.length === 2 ? fullYear(written, nowMs) : written
  const date = new Date(0)
  date.setUTCFullYear(year, monthIndex, day)
  // The 30th of February would otherwise be a day in March.
  if (date.getUTCDate() !== day || date.getUTCMonth() !== monthIndex) return undefined
  return date.setUTCHours(hour, minute, second)
}

/** A year of two digits that seems more than 50 years ahead is one of the past. */
function fullYear(twoDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + twoDigits
  return year > thisYear + 50 ? year - 100 : year
}
