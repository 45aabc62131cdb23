// Read flow and write flow: where a pact declares a write flow, a session only reads until the
// first write that its condition lets pass.
import type { CompiledWriteFlow } from '../pact/compiled.ts'
import type { Decision, Reason } from './decision.ts'
import type { Flow, FlowFacts } from './facts.ts'
import { tighten } from './tighten.ts'

/** The rule that a reason about the flow names. */
export const writeFlowRule = 'write-flow'

/** In which flow the session is now. Without a declared write flow a session writes, unless barred. */
export function flowOf(
  flow: FlowFacts | undefined,
  declared: CompiledWriteFlow | undefined,
  nowMs: number,
): Flow {
  if (flow?.state === 'barred') return 'read'
  if (declared === undefined) return 'write'
  if (flow === undefined || isSpent(flow, declared)) return 'read'
  return isExpired(flow, declared, nowMs) ? 'read' : 'write'
}

function isExpired(flow: FlowFacts, declared: CompiledWriteFlow, nowMs: number): boolean {
  const { expiresAfterMs } = declared
  return expiresAfterMs !== undefined && nowMs >= flow.sinceMs + expiresAfterMs
}

function isSpent(flow: FlowFacts, declared: CompiledWriteFlow): boolean {
  return declared.writesMax !== undefined && flow.writes >= declared.writesMax
}

/**
 * Holds a decision against the session's flow. A write that is not denied needs the write flow: an
 * open one counts it, else `ask` evaluates the condition, and what is true opens one. `ask` answers
 * the reasons of that condition: none when it is false, a denial when it fails.
 */
export function decideFlow(
  decision: Decision,
  context: {
    readonly isWrite: boolean
    readonly flow: FlowFacts | undefined
    readonly declared: CompiledWriteFlow | undefined
    readonly nowMs: number
    readonly ask: () => readonly Reason[]
  },
): Decision {
  const { isWrite, flow, declared, nowMs } = context
  if (declared === undefined && flow?.state !== 'barred') return decision
  const now = flowOf(flow, declared, nowMs)
  if (!isWrite || decision.verdict === 'deny') return { ...decision, flow: now }
  if (now === 'write' && flow !== undefined) {
    const counted: FlowFacts = { ...flow, writes: flow.writes + 1 }
    return { ...decision, flow: now, after: { ...decision.after, flow: counted } }
  }
  const inRead: Decision = { ...decision, flow: 'read' }
  const closed = (reason: string): Decision =>
    tighten(inRead, { verdict: 'deny', code: 'flow.closed', rule: writeFlowRule, reason })
  if (flow?.state === 'barred' || declared === undefined) {
    return closed('an operator closed the write flow of this session: it may only read')
  }
  if (flow !== undefined && isSpent(flow, declared)) {
    const most = declared.writesMax ?? 0
    return closed(`the write flow has had its ${most} writes: an operator may open another`)
  }
  const [answer] = context.ask()
  if (answer === undefined) return closed(declared.reason)
  if (answer.verdict === 'deny') {
    const reasons = [...decision.reasons, answer]
    return { ...inRead, verdict: 'deny', code: 'policy.rule_error', reasons }
  }
  const opened: FlowFacts = { state: 'open', sinceMs: nowMs, writes: 1 }
  return { ...decision, flow: 'write', after: { ...decision.after, flow: opened }, opensFlow: true }
}
