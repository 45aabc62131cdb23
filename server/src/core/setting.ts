// Values of settings from the text of environment variables. Who reads the environment is config.
import { AirworthyError } from './errors.ts'

/** Values of environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Undefined for a variable that is empty: it counts as not set. */
export function textOf(env: Environment, name: string): string | undefined {
  const text = env[name]?.trim()
  return text === '' ? undefined : text
}

export function wholeNumber(setting: {
  name: string
  text: string
  min: number
  max: number
}): number {
  const { name, text, min, max } = setting
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw wrongSetting(name, `must be a whole number from ${min} to ${max}, but is ${quote(text)}`)
}

export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)
}

export function wrongSetting(name: string, sentence: string): AirworthyError {
  return new AirworthyError('start.config_invalid', `${name} ${sentence}`, {
    detail: { setting: name },
  })
}
