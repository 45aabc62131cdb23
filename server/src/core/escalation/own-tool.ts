// The gateway's own tool by which an agent says that it doubts. It does nothing to the world, so it
// is always allowed where the pact offers it; what it changes is the session.
import type { ToolCall } from '../decision/call.ts'
import type { Decision } from '../decision/decision.ts'
import type { SessionFacts } from '../decision/facts.ts'
import type { CompiledEscalation } from './escalation.ts'

export const escalateAction = { server: 'airworthy', tool: 'escalate' } as const

/** Undefined for any other call, and where the pact does not offer it. */
export function decideOwnTool(
  call: Pick<ToolCall, 'server' | 'tool'>,
  escalation: CompiledEscalation | undefined,
  session: SessionFacts,
): Decision | undefined {
  if (call.server !== escalateAction.server || call.tool !== escalateAction.tool) return undefined
  if (escalation?.offersTool !== true) return undefined
  const reason = 'the agent says that it doubts: its writes wait for a person'
  return {
    verdict: 'allow',
    code: undefined,
    reasons: [{ rule: 'escalation.doubt', verdict: 'allow', reason }],
    firings: [{ trigger: 'doubt', codes: ['said'], consequence: 'record' }],
    after: { escalation: { ...session.escalation, doubt: { source: 'said' } } },
  }
}
