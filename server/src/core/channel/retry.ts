// When a message that was not taken is sent again.

const second = 1000
const minute = 60 * second
const hour = 60 * minute

/** After the first attempt, the second, ...: twelve attempts over a day. */
const waitsMs = [
  5 * second,
  15 * second,
  45 * second,
  2 * minute,
  6 * minute,
  15 * minute,
  40 * minute,
  90 * minute,
  3 * hour,
  6 * hour,
  12 * hour,
] as const

export const attemptsMax = waitsMs.length + 1
/** What a receiver may ask for itself; it must not silence a channel. */
export const retryAfterMsMax = hour
const jitter = 0.2

/**
 * The wait after so many attempts, in ms; undefined after the last. `random` is from 0 up to 1: many
 * that failed at once must not come back at once. A receiver that names a time is not asked sooner.
 */
export function retryWaitMs(
  attempts: number,
  random: number,
  retryAfterMs = 0,
): number | undefined {
  const wait = waitsMs[attempts - 1]
  if (wait === undefined) return undefined
  const spread = wait * (1 + jitter * (2 * random - 1))
  return Math.round(Math.max(spread, Math.min(retryAfterMs, retryAfterMsMax)))
}

/** `Retry-After` of HTTP in ms: seconds, or a date. Undefined for anything else. */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text) * second
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}
