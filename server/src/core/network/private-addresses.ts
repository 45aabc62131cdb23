// A setting that names what may be reached although it is not public.
import { type Environment, quote, textOf, wrongSetting } from '../setting.ts'
import { isReachEntry } from './address-policy.ts'

/** Hosts, addresses and ranges, commas between. Throws `start.config_invalid`. */
export function privateAddresses(env: Environment, name: string): readonly string[] {
  const parts = (textOf(env, name) ?? '').split(',').map((each) => each.trim())
  const entries = parts.filter((each) => each !== '')
  const wrong = entries.find((each) => !isReachEntry(each))
  if (wrong === undefined) return entries
  throw wrongSetting(name, `must be hosts, addresses or ranges, but has ${quote(wrong)}`)
}
