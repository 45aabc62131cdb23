// What a rule that failed tells. Reasons are stored in the clear and read by the agent, so nothing
// that came with the call may stand in them.
import type { BoundRule } from '../pact/compiled.ts'
import { celFault } from './cel-fault.ts'

/** Messages of these codes end in a value: a text, a number, or a key that was computed. */
const ENDS_IN_VALUE: ReadonlySet<string> = new Set([
  'no_such_key',
  'bool_conversion_error',
  'invalid_duration',
  'numeric_overflow',
])

/** The evaluator's message; a key stands in it only when the rule itself names it. */
export function ruleFault(rule: BoundRule, error: unknown): string {
  const { summary } = celFault(error)
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code !== 'string' || !ENDS_IN_VALUE.has(code)) return withoutField(rule, summary)
  const colon = summary.indexOf(': ')
  if (colon === -1) return summary
  const isNamed = code === 'no_such_key' && isRead(rule, summary.slice(colon + 2))
  return isNamed ? summary : summary.slice(0, colon)
}

function withoutField(rule: BoundRule, summary: string): string {
  const field = /^Field '(.*?)' is/.exec(summary)?.[1]
  return field === undefined || isRead(rule, field)
    ? summary
    : summary.replace(`Field '${field}'`, 'a field')
}

function isRead(rule: BoundRule, key: string): boolean {
  return key !== '' && rule.reads?.some((read) => read.includes(key)) === true
}
