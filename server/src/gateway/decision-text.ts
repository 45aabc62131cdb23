// What an agent is told of a decision: enough to change its plan, nothing of other people's data.
import type { Decision } from '../core/decision/decision.ts'

export type DecisionText = {
  readonly message: string
  readonly rules: readonly { readonly rule: string; readonly reason: string }[]
}

export function describeDecision(decision: Decision): DecisionText {
  const spoke = decision.reasons.filter((reason) => reason.verdict === decision.verdict)
  const rules = spoke.map(({ rule, reason }) => ({ rule, reason }))
  const [first] = rules
  return {
    message: first === undefined ? decision.verdict : `${first.rule}: ${first.reason}`,
    rules,
  }
}
