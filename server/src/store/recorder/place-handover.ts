// A session that is with a person, under the lock: its agent places no calls, the person may, and a
// trigger that asks for it hands the session over in the commit of the call it was asked about.
import type { Decision } from '../../core/decision/decision.ts'
import { type Batch, record } from './batch.ts'
import { clip, names, strictest } from './call-rows.ts'
import type { HandoverRow } from './handover-rows.ts'
import { denial } from './place-refusal.ts'
import type { SessionState } from './state.ts'
import type { Intent } from './types.ts'

/**
 * A refusal while the session is with a person. What people decide goes on: a held call that they
 * approved or wrote anew, and what the person who took the session does in the agent's stead.
 */
export function refuseByHandover(intent: Intent, session: SessionState): Decision | undefined {
  const { handover } = session
  const { author, inStead, resume } = intent
  if (inStead !== undefined) {
    const isTheirs = handover?.id === inStead.handoverId && handover.takenBy === inStead.operatorId
    return isTheirs
      ? undefined
      : denial('handover.not_taken', 'the handover is over, or somebody else has it')
  }
  const isOfPeople = resume !== undefined || author !== undefined
  if (handover === undefined || isOfPeople) return undefined
  const refusal = denial('session.handed_over', 'the session is with a person')
  return { ...refusal, handover: handover.id }
}

/**
 * Hands the session over where a trigger asks for it, once. Gives the decision with the handover's
 * id. An observing session is told of, and goes on; what people approved hands nothing over again.
 */
export function handOverIfAsked(
  batch: Batch,
  intent: Intent,
  session: SessionState,
  options: { decision: Decision; newId: () => string },
): Decision {
  const { decision, newId } = options
  if (decision.handsOver !== true || intent.principal.mode === 'observe') return decision
  if (intent.resume !== undefined || intent.inStead !== undefined) return decision
  const handoverId = session.handover?.id ?? handOver(batch, intent, session, { decision, newId })
  return { ...decision, handover: handoverId }
}

function handOver(
  batch: Batch,
  intent: Intent,
  session: SessionState,
  { decision, newId }: { decision: Decision; newId: () => string },
): string {
  const handoverId = newId()
  const cause = causeOf(decision)
  record(batch, {
    ...names(intent),
    type: 'session.handed_over',
    body: { cause: clip(cause), handover: handoverId },
  })
  const { agentId } = intent.principal
  const row: HandoverRow = {
    handover_id: handoverId,
    session_id: session.id,
    agent_id: agentId,
    cause,
    call_id: intent.callId,
  }
  batch.rows.handovers.push(row)
  batch.rows.notices.push({
    notice_id: newId(),
    kind: 'session.handed_over',
    subject_id: session.id,
    detail: { agent: agentId, cause, handover: handoverId },
  })
  session.handover = { id: handoverId, takenBy: undefined }
  return handoverId
}

/** The trigger that spoke; whatever rule is strictest where none says that it was one. */
function causeOf(decision: Decision): string {
  const trigger = decision.reasons.find(({ rule, verdict }) => {
    return verdict !== 'allow' && rule.startsWith('escalation.')
  })
  return trigger?.rule ?? strictest(decision)
}
