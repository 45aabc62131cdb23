// An undo under the lock: whether the effect may be taken back now, and the rows of the call that
// does it. It has been asked for by an operator, so the pact's rules are not asked.
import { firstExceeded, noAmounts } from '../../core/budget/budget.ts'
import type { Decision } from '../../core/decision/decision.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { type Batch, record, requestPart, store, touchSession } from './batch.ts'
import { clip, insertCall, names, tellReserved } from './call-rows.ts'
import { sha256Base64url } from './digest.ts'
import type { OpenCall, SessionState } from './state.ts'
import { inTheWayOf, stateNow } from './touching.ts'
import { bringBudgetsToNow, reserveIn } from './place-budget.ts'
import { countUndo } from './place-money.ts'
import type { Intent, IntentResult, Outcome, UndoIntent, UndoTarget } from './types.ts'

const namedMax = 20

/** `intent.undo` must be set, and its target and session loaded. */
export function placeUndo(batch: Batch, intent: Intent, undo: UndoIntent): IntentResult {
  const target = batch.state.undoTargets.get(undo.effectId)
  const session = batch.state.sessions.get(intent.principal.sessionId)
  if (target === undefined || session === undefined) {
    throw new Error(`the effect ${undo.effectId}, or its session, is gone`)
  }
  const state = stateNow(batch, target)
  if (state === 'undoing') return waitForUndo(batch, target)
  const refusal = refusalOf(batch, target, { undo, state })
  if (refusal !== undefined) return refuse(batch, intent, { target, refusal })
  return proceed(batch, intent, { undo, target, session })
}

/** Another undo of the effect is under way, or nobody knows what became of it. */
function waitForUndo(batch: Batch, target: UndoTarget): IntentResult {
  const here = batch.rows.effectChanges.findLast((row) => row.effect_id === target.effectId)
  const ofCallId = here?.undo_call_id ?? target.undoCallId ?? target.callId
  const isUnknown = here === undefined && target.undoCallState === 'unknown'
  const reason = isUnknown ? 'unknown' : 'in_flight'
  return { kind: 'wait', reason, ofCallId, effectId: target.effectId }
}

type Refusal = { code: ErrorCode; reason: string; blockedBy?: readonly string[] }

function refusalOf(
  batch: Batch,
  target: UndoTarget,
  asked: { undo: UndoIntent; state: string },
): Refusal | undefined {
  const { undo, state } = asked
  if (target.effectClass === 'irreversible') {
    return { code: 'effect.not_undoable', reason: 'the contract says that it is irreversible' }
  }
  if (state !== 'done' && state !== 'undo_failed') {
    return { code: 'effect.not_undoable', reason: `the effect is ${state}` }
  }
  if (undo.windowMs !== undefined && target.dispatchedAtMs + undo.windowMs <= batch.nowMs) {
    const seconds = undo.windowMs / 1000
    const reason = `it could be undone for ${seconds} seconds, and they are over`
    return { code: 'effect.undo_expired', reason }
  }
  const inTheWay = inTheWayOf(batch, target)
  if (inTheWay.length === 0) return undefined
  const blockedBy = inTheWay.slice(0, namedMax).map((effect) => effect.callId)
  const many = inTheWay.length > namedMax ? ' and more' : ''
  const reason = `undo these calls first, in this order: ${blockedBy.join(', ')}${many}`
  return { code: 'effect.undo_blocked', reason, blockedBy }
}

function refuse(
  batch: Batch,
  intent: Intent,
  refused: { target: UndoTarget; refusal: Refusal },
): IntentResult {
  const { target, refusal } = refused
  const { code, reason, blockedBy } = refusal
  const decision: Decision = {
    verdict: 'deny',
    code,
    reasons: [{ rule: code, verdict: 'deny', reason }],
  }
  const entry = record(batch, {
    ...names(intent),
    type: 'call.denied',
    body: {
      action: clip(intent.action),
      code,
      effect: target.effectId,
      kind: 'undo',
      operator: intent.undo?.operatorId,
      request: intent.request.commitment,
    },
  })
  store(batch, intent.callId, requestPart, intent.request)
  const { seq, receipt } = entry
  insertCall(batch, intent, { state: 'denied', decision, enforced: true, seq, code })
  const { callId } = intent
  const denied = { kind: 'denied', callId, decision, enforced: true, receipt, code } as const
  return blockedBy === undefined ? denied : { ...denied, blockedBy }
}

function proceed(
  batch: Batch,
  intent: Intent,
  options: { undo: UndoIntent; target: UndoTarget; session: SessionState },
): IntentResult {
  const { undo, target, session } = options
  const { callId } = intent
  const { effectId, effectKey } = target
  const reason = 'an operator asked for it'
  const decision: Decision = {
    verdict: 'allow',
    code: undefined,
    reasons: [{ rule: 'operator', verdict: 'allow', reason }],
  }
  touchSession(batch, session)
  // A budget that is used up must not keep the world half done: what does not fit is an overrun.
  bringBudgetsToNow(batch, session)
  const isOver = firstExceeded(session.budgets, intent.reservation) !== undefined
  const reservation = isOver ? noAmounts : intent.reservation
  const ledgerIds = reserveIn(batch, session, reservation)
  const entry = record(batch, {
    ...names(intent),
    type: 'call.intent',
    body: {
      action: clip(intent.action),
      effect: effectId,
      key: sha256Base64url(undo.key),
      kind: 'undo',
      operator: undo.operatorId,
      reason: undo.reasonHash,
      request: intent.request.commitment,
      reserved: tellReserved(reservation),
      verdict: 'allow',
    },
  })
  store(batch, callId, requestPart, intent.request)
  const { seq, receipt } = entry
  insertCall(batch, intent, {
    state: 'executing',
    decision,
    enforced: true,
    seq,
    effectId,
    reservation,
    ledgerIds,
  })
  changeEffect(batch, { effectId, effectKey, state: 'undoing', undoCallId: callId })
  const hasMoney = countUndo(batch, intent, session)
  const { agentId, versionId } = intent.principal
  batch.openCalls.set(callId, {
    callId,
    sessionId: session.id,
    agentId,
    versionId,
    pactId: intent.pactId,
    kind: 'undo',
    action: intent.action,
    isWrite: false,
    held: reservation,
    bucket: 'reserved',
    effectId,
    effectKey,
    ledgerIds,
    hasMoney,
  })
  return { kind: 'proceed', callId, decision, enforced: true, receipt, effectId, reservation }
}

/** What becomes of an effect when the call that undoes it has ended; unknown changes nothing. */
export function endUndo(batch: Batch, call: OpenCall, outcome: Outcome): void {
  const { effectId, effectKey } = call
  if (effectId === undefined || effectKey === undefined || outcome.state === 'unknown') return
  if (outcome.state === 'done') {
    changeEffect(batch, { effectId, effectKey, state: 'undone' })
    return
  }
  // Found out later that nothing happened: the effect stands as if no undo had been asked for.
  const state = outcome.resolvedBy === undefined ? 'undo_failed' : 'done'
  changeEffect(batch, { effectId, effectKey, state })
}

function changeEffect(
  batch: Batch,
  change: { effectId: string; effectKey: string; state: string; undoCallId?: string },
): void {
  const { effectId, effectKey, state, undoCallId } = change
  // What is undone may be done again; any other state keeps its key, if it still had it.
  const isLive = state === 'undone' ? false : undefined
  batch.rows.effectChanges.push({
    effect_id: effectId,
    state,
    is_live: isLive,
    ...(undoCallId === undefined ? {} : { undo_call_id: undoCallId }),
  })
  const live = batch.state.effects.get(effectKey)
  if (live?.effectId !== effectId) return
  if (state === 'undone') {
    batch.state.effects.set(effectKey, null)
    return
  }
  live.state = state
  if (undoCallId !== undefined) live.undoCallId = undoCallId
}
