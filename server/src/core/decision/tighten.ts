// What is found beside the rules: it can only make a decision stricter.
import type { Decision } from './decision.ts'

const strictness = { allow: 0, hold: 1, deny: 2 } as const

/** A finding can only tighten what the rules decided. */
export function tighten(
  decision: Decision,
  finding: {
    verdict: 'hold' | 'deny'
    code: NonNullable<Decision['code']>
    rule: string
    reason: string
  },
): Decision {
  const { verdict, code, rule, reason } = finding
  const reasons = [...decision.reasons, { rule, verdict, reason }]
  if (strictness[decision.verdict] >= strictness[verdict]) return { ...decision, reasons }
  return { ...decision, verdict, code, reasons }
}
