// A call that is refused: its entry and its row, and what the refusal ends.
import { noAmounts } from '../../core/budget/budget.ts'
import type { Decision } from '../../core/decision/decision.ts'
import { isCountedDenial } from '../../core/decision/facts.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { type Batch, record, requestPart, store, touchSession } from './batch.ts'
import { clip, insertCall, names, resumeCall, strictest } from './call-rows.ts'
import { sha256Base64url } from './digest.ts'
import { tellFirings } from './place-escalation.ts'
import { reactToDenial } from './place-run.ts'
import type { SessionState } from './state.ts'
import type { Intent, IntentResult } from './types.ts'

export function denial(code: ErrorCode, reason: string): Decision {
  return { verdict: 'deny', code, reasons: [{ rule: code, verdict: 'deny', reason }] }
}

/** A person made the call, or wrote its arguments. */
function isOfPerson({ author, inStead }: Intent): boolean {
  return author !== undefined || inStead !== undefined
}

export function refuse(
  batch: Batch,
  intent: Intent,
  session: SessionState | undefined,
  decision: Decision,
): IntentResult {
  const code = decision.code ?? 'policy.denied'
  const reasons = JSON.stringify(decision.reasons)
  const entry = record(batch, {
    ...names(intent),
    type: 'call.denied',
    body: {
      action: clip(intent.action),
      code,
      decision: sha256Base64url(reasons),
      handover: decision.handover ?? intent.inStead?.handoverId,
      hold: intent.resume?.holdId,
      operator: intent.author?.operatorId ?? intent.inStead?.operatorId,
      request: intent.request.commitment,
      rule: clip(strictest(decision)),
      sig: intent.principal.signature,
    },
  })
  if (session !== undefined && !isOfPerson(intent) && isCountedDenial(code)) {
    session.facts.denied += 1
    touchSession(batch, session)
  }
  if (intent.resume === undefined) {
    store(batch, intent.callId, requestPart, intent.request)
    insertCall(batch, intent, {
      state: 'denied',
      decision,
      reasons,
      enforced: true,
      seq: entry.seq,
      code,
    })
  } else {
    const { seq } = entry
    resumeCall(batch, intent, { decision, reservation: noAmounts, seq, state: 'denied' })
    batch.rows.holdChanges.push({ hold_id: intent.resume.holdId, state: 'refused' })
    const change = { effect_id: intent.resume.effectId, state: 'denied', is_live: false }
    batch.rows.effectChanges.push(change)
    batch.state.effects.delete(intent.holdEffect().key)
  }
  tellFirings(batch, intent, session, decision)
  // What a person was refused is not held against the agent, nor against its run.
  if (!isOfPerson(intent)) reactToDenial(batch, intent, session, code)
  const { callId } = intent
  return { kind: 'denied', callId, decision, enforced: true, receipt: entry.receipt, code }
}
