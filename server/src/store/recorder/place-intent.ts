// Steps 3 and 4 of the life of a call, under the lock: decide on fresh facts, then reserve, hold
// or refuse, and write the intent. Pure but for the batch it fills.
import {
  amountIn,
  available,
  type Budget,
  firstExceeded,
  noAmounts,
  reserve,
} from '../../core/budget/budget.ts'
import { sha256Base64url } from './digest.ts'
import type { Decision, Reason } from '../../core/decision/decision.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { type Batch, record, requestPart, store, touchSession } from './batch.ts'
import { clip, insertCall, insertEffect, names, resumeCall, strictest } from './call-rows.ts'
import { countCall } from './count-call.ts'
import { deferInRun, reactToDenial, refuseByRun } from './place-run.ts'
import { findRepeat, waitOf } from './find-repeat.ts'
import type { LiveEffect, SessionState } from './state.ts'
import { readTaint } from './place-taint.ts'
import { takeLease } from './take-lease.ts'
import { blockedBy } from './touching.ts'
import type { Intent, IntentResult } from './types.ts'

export type PlacedIntent = {
  readonly result: IntentResult
  /** True when a durable lease covers the call: it may leave before this batch is durable. */
  readonly isLeased: boolean
}

export function placeIntent(batch: Batch, intent: Intent, newId: () => string): PlacedIntent {
  const session = batch.state.sessions.get(intent.principal.sessionId)
  const refusal = refuseByState(batch, intent, session) ?? refuseByRun(batch, intent, session)
  if (refusal !== undefined) return settled(refuse(batch, intent, session, refusal))
  if (session === undefined) throw new Error('a session without state was not refused')
  if (session.activePactId !== intent.pactId) {
    return settled({ kind: 'stale', pactId: session.activePactId })
  }
  const repeat = intent.effect && findRepeat(batch, intent.effect)
  if (repeat !== undefined && intent.resume === undefined) {
    return settled(answerRepeat(batch, intent, session, repeat))
  }
  return decideAndReserve(batch, intent, session, newId)
}

function settled(result: IntentResult): PlacedIntent {
  return { result, isLeased: false }
}

function refuseByState(
  batch: Batch,
  intent: Intent,
  session: SessionState | undefined,
): Decision | undefined {
  const key = batch.state.keys.get(intent.principal.apiKeyId)
  const isExpired = key?.expiresAtMs !== undefined && key.expiresAtMs <= batch.nowMs
  if (key === undefined || key.isRevoked || isExpired) {
    return denial('auth.revoked_key', 'the API key was revoked or has expired')
  }
  if (session === undefined) return denial('session.unknown', 'the session does not exist')
  if (!session.isOpen) return denial('session.closed', 'the session is closed')
  return undefined
}

export function denial(code: ErrorCode, reason: string): Decision {
  return { verdict: 'deny', code, reasons: [{ rule: code, verdict: 'deny', reason }] }
}

function answerRepeat(
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
  const entry = record(batch, {
    ...names(intent),
    type: 'call.repeated',
    body: {
      action: clip(intent.action),
      of: live.callId,
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
  if (intent.effect?.effectClass === 'read') {
    // A read that was held is answered once from its approval; reads are never deduplicated.
    batch.rows.effectChanges.push({ effect_id: live.effectId, state: 'done', is_live: false })
    batch.state.effects.set(intent.effect.key, null)
  }
  const { receipt } = entry
  const { callId: ofCallId } = live
  return { kind: 'repeated', callId: intent.callId, decision, enforced: true, receipt, ofCallId }
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
  const entry = record(batch, {
    ...names(intent),
    type: 'call.repeated',
    body: {
      action: clip(intent.action),
      of: live.callId,
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
  touchSession(batch, session)
  return {
    kind: 'held',
    callId: intent.callId,
    decision,
    enforced: true,
    receipt: entry.receipt,
    holdId: live.holdId ?? '',
    untilMs: live.holdUntilMs ?? batch.nowMs,
  }
}

function decideAndReserve(
  batch: Batch,
  intent: Intent,
  session: SessionState,
  newId: () => string,
): PlacedIntent {
  const isObserving = intent.principal.mode === 'observe'
  let decision = intent.decide(session.facts, batch.nowMs)
  if (decision.verdict === 'hold' && intent.resume !== undefined) {
    decision =
      intent.resume.pactId === intent.pactId && intent.resume.schemaHash === intent.schemaHash
        ? { ...decision, verdict: 'allow', code: undefined }
        : denial(
            'hold.stale',
            'the pact or the tool changed after the approval; it must be asked for again',
          )
  }
  const exceeded = firstExceeded(session.budgets, intent.reservation)
  if (exceeded !== undefined && decision.verdict !== 'deny') {
    decision = overBudget(decision, exceeded, intent)
  }
  decision = deferInRun(intent, session, decision)
  if (!isObserving && decision.verdict === 'deny') {
    return settled(refuse(batch, intent, session, decision))
  }
  if (!isObserving && decision.verdict === 'hold') {
    return settled(hold(batch, intent, session, { decision, newId }))
  }
  const blocked = blockedBy(batch, intent)
  if (blocked && 'kind' in blocked) return settled(blocked)
  if (blocked) return settled(refuse(batch, intent, session, blocked))
  const reservation = exceeded === undefined ? intent.reservation : noAmounts
  const isLeased = exceeded === undefined && takeLease(batch, intent, session.budgets)
  touchSession(batch, session)
  reserve(session.budgets, reservation)
  const result = proceed(batch, intent, session, { decision, reservation, newId })
  return { result, isLeased }
}

function overBudget(decision: Decision, exceeded: Budget, intent: Intent): Decision {
  const wanted = amountIn(intent.reservation, exceeded.unit)
  const reason: Reason = {
    rule: `budget.${exceeded.unit}`,
    verdict: 'deny',
    reason: `needs ${wanted} ${exceeded.unit}, ${available(exceeded)} of ${exceeded.limit} left`,
  }
  return { verdict: 'deny', code: 'budget.exceeded', reasons: [...decision.reasons, reason] }
}

function proceed(
  batch: Batch,
  intent: Intent,
  session: SessionState,
  options: {
    decision: Decision
    reservation: Intent['reservation']
    newId: () => string
  },
): IntentResult {
  const { decision, reservation } = options
  const reasons = JSON.stringify(decision.reasons)
  const enforced = decision.verdict === 'allow'
  const entry = record(batch, {
    ...names(intent),
    type: 'call.intent',
    body: {
      action: clip(intent.action),
      amount: intent.effect?.amountMinor?.toString(),
      currency: intent.effect?.currency,
      decision: sha256Base64url(reasons),
      drift: intent.drift,
      enforced,
      flow: decision.flow,
      hold: intent.resume?.holdId,
      key: intent.effect && sha256Base64url(intent.effect.key),
      kind: intent.kind,
      request: intent.request.commitment,
      reserved: `${reservation.calls} ${reservation.tokens} ${reservation.nanoUsd}`,
      rule: clip(decision.reasons[0]?.rule ?? ''),
      sig: intent.principal.signature,
      verdict: decision.verdict,
    },
  })
  const effectId = intent.resume?.effectId ?? openEffect(batch, intent, options.newId)
  countCall(batch, session, { intent, decision })
  session.facts.tokens += Number(reservation.tokens)
  session.facts.spentNanoUsd += reservation.nanoUsd
  if (intent.resume === undefined) {
    store(batch, intent.callId, requestPart, intent.request)
    insertCall(batch, intent, {
      state: 'executing',
      decision,
      reasons,
      enforced,
      seq: entry.seq,
      effectId,
      reservation,
    })
  } else {
    batch.rows.holdChanges.push({ hold_id: intent.resume.holdId, state: 'approved' })
    resumeCall(batch, intent, { decision, reservation, seq: entry.seq, state: 'executing' })
  }
  batch.openCalls.set(intent.callId, {
    callId: intent.callId,
    sessionId: session.id,
    agentId: intent.principal.agentId,
    versionId: intent.principal.versionId,
    pactId: intent.pactId,
    kind: intent.kind,
    action: intent.action,
    isWrite: intent.isWrite,
    held: { ...reservation },
    bucket: 'reserved',
    effectId,
    effectKey: intent.effect?.key,
    runName: intent.run?.name,
  })
  const { callId } = intent
  return { kind: 'proceed', callId, decision, enforced, receipt: entry.receipt, effectId }
}

function openEffect(batch: Batch, intent: Intent, newId: () => string): string | undefined {
  if (intent.effect === undefined || !intent.isWrite) return undefined
  return insertEffect(batch, intent, intent.effect, { effectId: newId(), state: 'executing' })
}

function hold(
  batch: Batch,
  intent: Intent,
  session: SessionState,
  options: { decision: Decision; newId: () => string },
): IntentResult {
  const { decision, newId } = options
  const effect = intent.holdEffect()
  const holdId = newId()
  const effectId = newId()
  const untilMs = batch.nowMs + intent.holdExpiresAfterMs
  const reasons = JSON.stringify(decision.reasons)
  const entry = record(batch, {
    ...names(intent),
    type: 'call.held',
    body: {
      action: clip(intent.action),
      amount: effect.amountMinor?.toString(),
      args: clip(effect.argsHash),
      decision: sha256Base64url(reasons),
      hold: holdId,
      request: intent.request.commitment,
      rule: clip(strictest(decision)),
      sig: intent.principal.signature,
      until: untilMs,
    },
  })
  const isDeferred = decision.code === 'run.deferred'
  const waiting = isDeferred ? 'deferred' : 'held'
  insertEffect(batch, intent, effect, { effectId, state: waiting, holdId, untilMs })
  session.facts.held += 1
  touchSession(batch, session)
  store(batch, intent.callId, requestPart, intent.request)
  insertCall(batch, intent, {
    state: 'held',
    decision,
    reasons,
    enforced: true,
    seq: entry.seq,
    effectId,
  })
  batch.rows.holds.push({
    hold_id: holdId,
    call_id: intent.callId,
    session_id: session.id,
    agent_id: intent.principal.agentId,
    pact_id: intent.pactId,
    action: intent.action,
    args_hash: effect.argsHash,
    schema_hash: intent.schemaHash,
    until_ms: untilMs,
    state: isDeferred ? 'deferred' : 'pending',
    seq: entry.seq.toString(),
  })
  const { callId } = intent
  return { kind: 'held', callId, decision, enforced: true, receipt: entry.receipt, holdId, untilMs }
}

function refuse(
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
      hold: intent.resume?.holdId,
      request: intent.request.commitment,
      rule: clip(strictest(decision)),
      sig: intent.principal.signature,
    },
  })
  // A repeat that only has to wait is no denial that a rule should count.
  if (session !== undefined && !code.startsWith('effect.')) {
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
  reactToDenial(batch, intent, session, code)
  const { callId } = intent
  return { kind: 'denied', callId, decision, enforced: true, receipt: entry.receipt, code }
}
