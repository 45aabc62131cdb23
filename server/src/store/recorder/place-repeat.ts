// A call that asks for an effect which was asked for before: it is answered from the record.
import type { Decision, Reason } from '../../core/decision/decision.ts'
import { type Batch, record, requestPart, store, touchSession } from './batch.ts'
import { clip, insertCall, names } from './call-rows.ts'
import { waitOf } from './find-repeat.ts'
import { denial, refuse } from './place-refusal.ts'
import { readTaint } from './place-taint.ts'
import type { LiveEffect, SessionState } from './state.ts'
import type { Intent, IntentResult } from './types.ts'

export function answerRepeat(
  batch: Batch,
  intent: Intent,
  session: SessionState,
  live: LiveEffect,
): IntentResult {
  const wait = waitOf(live)
  const isHeld = live.state === 'held' || live.state === 'deferred'
  const mayTakeOver = intent.effect?.replaces === true && wait !== undefined && !isHeld
  if (live.argsHash !== intent.effect?.argsHash && !mayTakeOver) {
    const reason = 'the effect key was used with other arguments'
    return refuse(batch, intent, session, denial('effect.key_reused', reason))
  }
  if (wait === undefined) return repeatDone(batch, intent, live)
  if (isHeld && live.holdId !== undefined) {
    return repeatHeld(batch, intent, session, live)
  }
  if (live.state === 'denied') {
    const reason = 'an operator rejected this call, or its hold expired'
    return refuse(batch, intent, session, denial('hold.rejected', reason))
  }
  const { reason, ofCallId } = wait
  if (!intent.hasWaited) return { kind: 'wait', reason, ofCallId, effectId: live.effectId }
  const code = reason === 'unknown' ? 'effect.unknown' : 'effect.in_flight'
  return refuse(batch, intent, session, denial(code, `the first call is ${live.callId}`))
}

function repeatDone(batch: Batch, intent: Intent, live: LiveEffect): IntentResult {
  const decision: Decision = { verdict: 'allow', code: undefined, reasons: [] }
  readTaint(batch, intent)
  const receipt = recordRepeat(batch, intent, { decision, live })
  if (intent.effect?.effectClass === 'read') {
    // A read that was held is answered once from its approval; reads are never deduplicated.
    batch.rows.effectChanges.push({ effect_id: live.effectId, state: 'done', is_live: false })
    batch.state.effects.set(intent.effect.key, null)
  }
  const { callId: ofCallId } = live
  return { kind: 'repeated', callId: intent.callId, decision, enforced: true, receipt, ofCallId }
}

/** Writes that the call was made again; gives the receipt. */
function recordRepeat(
  batch: Batch,
  intent: Intent,
  repeat: { readonly decision: Decision; readonly live: LiveEffect },
): string {
  const { decision, live } = repeat
  const entry = record(batch, {
    ...names(intent),
    type: 'call.repeated',
    body: {
      action: clip(intent.action),
      handover: intent.inStead?.handoverId,
      of: live.callId,
      operator: intent.inStead?.operatorId,
      request: intent.request.commitment,
      sig: intent.principal.signature,
    },
  })
  store(batch, intent.callId, requestPart, intent.request)
  insertCall(batch, intent, {
    state: 'repeated',
    decision,
    reasons: JSON.stringify(decision.reasons),
    enforced: true,
    seq: entry.seq,
    repeatOf: live.callId,
  })
  return entry.receipt
}

function repeatHeld(
  batch: Batch,
  intent: Intent,
  session: SessionState,
  live: LiveEffect,
): IntentResult {
  const reasons: Reason[] = [{ rule: 'held', verdict: 'hold', reason: 'it waits already' }]
  const code = live.state === 'deferred' ? 'run.deferred' : 'call.held'
  const decision: Decision = { verdict: 'hold', code, reasons }
  const receipt = recordRepeat(batch, intent, { decision, live })
  touchSession(batch, session)
  return {
    kind: 'held',
    callId: intent.callId,
    decision,
    enforced: true,
    receipt,
    holdId: live.holdId ?? '',
    untilMs: live.holdUntilMs ?? batch.nowMs,
  }
}
