// What an agent is told of a decision: enough to change its plan, nothing of other people's data.
import type { Decision } from '../core/decision/decision.ts'
import { handoverPath } from '../core/handover/handover.ts'
import { handoverToolName } from '../core/pact/gateway-tools.ts'

export type DecisionText = {
  readonly message: string
  readonly rules: readonly { readonly rule: string; readonly reason: string }[]
  /** The session is with a person; `poll`, and `tool` on MCP, tell when it is given back. */
  readonly handover?: { readonly id: string; readonly poll: string; readonly tool: string }
}

export function describeDecision(decision: Decision): DecisionText {
  const spoke = decision.reasons.filter((reason) => reason.verdict === decision.verdict)
  const rules = spoke.map(({ rule, reason }) => ({ rule, reason }))
  const [first] = rules
  return {
    message: first === undefined ? decision.verdict : `${first.rule}: ${first.reason}`,
    rules,
    ...(decision.handover === undefined
      ? {}
      : { handover: { id: decision.handover, poll: handoverPath, tool: handoverToolName } }),
  }
}
