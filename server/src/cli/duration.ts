// Durations as people write them: `90s`, `15m`, `24h`, `30d`.
import { UsageError } from './failure.ts'

const secondsIn = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const

function isUnit(text: string): text is keyof typeof secondsIn {
  return text in secondsIn
}

/** Whole seconds; a number alone is seconds. Throws `UsageError`, which names the option. */
export function readDuration(option: string, text: string): number {
  const [, count, unit = 's'] = /^(\d{1,9})([a-z]?)$/.exec(text) ?? []
  const name = unit === '' ? 's' : unit
  if (count === undefined || !isUnit(name)) {
    throw new UsageError(
      `${option} must be a duration such as 90s, 15m, 24h or 30d, but is ${JSON.stringify(text)}`,
    )
  }
  return Number(count) * secondsIn[name]
}

/** The shortest of the same: 86400 is `1d`. */
export function durationText(seconds: number): string {
  for (const unit of ['d', 'h', 'm'] as const) {
    if (seconds % secondsIn[unit] === 0) return `${seconds / secondsIn[unit]}${unit}`
  }
  return `${seconds}s`
}
