// What a session's facts become by a call that goes on.
import type { Decision } from '../../core/decision/decision.ts'
import { writeFlowRule } from '../../core/decision/flow.ts'
import { type Batch, record, touchSession } from './batch.ts'
import { clip, names } from './call-rows.ts'
import type { SessionState } from './state.ts'
import type { Intent } from './types.ts'
import { rememberCall } from './place-escalation.ts'
import { readTaint } from './place-taint.ts'

/** Counts the call, and takes over what its decision says of flow and loops. */
export function countCall(
  batch: Batch,
  session: SessionState,
  call: { readonly intent: Intent; readonly decision: Decision },
): void {
  const { intent, decision } = call
  const { facts } = session
  touchSession(batch, session)
  if (decision.after !== undefined) Object.assign(facts, decision.after)
  rememberCall(batch, intent, decision)
  if (intent.kind === 'model') {
    facts.modelCalls += 1
    return
  }
  facts.toolCalls += 1
  if (intent.isWrite) facts.writes += 1
  const counts = (facts.tools[intent.action] ??= { made: 0, done: 0, failed: 0, unknown: 0 })
  counts.made += 1
  readTaint(batch, intent)
  if (decision.opensFlow === true) {
    record(batch, {
      ...names(intent),
      type: 'flow.opened',
      body: { action: clip(intent.action), rule: writeFlowRule },
    })
  }
}
