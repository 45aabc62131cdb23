// Steps 3 and 4 of the life of a call, under the lock: decide on fresh facts, then reserve, hold
// or refuse, and write the intent. Pure but for the batch it fills.
import { type Budget, firstExceeded, noAmounts } from '../../core/budget/budget.ts'
import { sha256Base64url } from './digest.ts'
import type { Decision, Reason } from '../../core/decision/decision.ts'
import { type Batch, record, requestPart, store } from './batch.ts'
import { clip, insertCall, insertEffect, names, resumeCall, tellReserved } from './call-rows.ts'
import { countCall } from './count-call.ts'
import { deferInRun, refuseByRun } from './place-run.ts'
import { findRepeat } from './find-repeat.ts'
import {
  bringBudgetsToNow,
  type Cut,
  cutToFit,
  hitBy,
  overBudget,
  overResult,
  reserveIn,
  tellHit,
} from './place-budget.ts'
import { decideResumed, reopen } from './place-approval.ts'
import { signalsOf, tellFirings } from './place-escalation.ts'
import { handOverIfAsked, refuseByHandover } from './place-handover.ts'
import type { ReplaceableHold } from './place-edit.ts'
import { hold } from './place-hold.ts'
import { refuseByKill } from './place-kill.ts'
import { denial, refuse } from './place-refusal.ts'
import { takeMoney, tightenByMoney } from './place-money.ts'
import { answerRepeat } from './place-repeat.ts'
import type { SessionState } from './state.ts'
import { takeLease } from './take-lease.ts'
import { blockedBy } from './touching.ts'
import type { Intent, IntentResult } from './types.ts'

export type PlacedIntent = {
  readonly result: IntentResult
  /** True when a durable lease covers the call: it may leave before this batch is durable. */
  readonly isLeased: boolean
}

type PlaceOptions = {
  readonly newId: () => string
  /** The hold that the call takes the place of, where a person changed its arguments. */
  readonly replaced?: ReplaceableHold | undefined
}

export function placeIntent(batch: Batch, intent: Intent, options: PlaceOptions): PlacedIntent {
  const session = batch.state.sessions.get(intent.principal.sessionId)
  const refusal = refuseByState(batch, intent, session) ?? refuseByRun(batch, intent, session)
  if (refusal !== undefined) return settled(refuse(batch, intent, session, refusal))
  if (session === undefined) throw new Error('a session without state was not refused')
  if (session.activePactId !== intent.pactId) {
    return settled({ kind: 'stale', pactId: session.activePactId })
  }
  const repeat = intent.effect && findRepeat(batch, intent.effect)
  const isOwn = repeat !== undefined && repeat.effectId === options.replaced?.effectId
  if (repeat !== undefined && intent.resume === undefined && !isOwn) {
    return settled(answerRepeat(batch, intent, session, repeat))
  }
  return decideAndReserve(batch, intent, session, options)
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
  // A person who acts in the agent's stead comes with a key of their own.
  if (intent.inStead === undefined && (key === undefined || key.isRevoked || isExpired)) {
    return denial('auth.revoked_key', 'the API key was revoked or has expired')
  }
  if (session === undefined) return denial('session.unknown', 'the session does not exist')
  if (!session.isOpen) return denial('session.closed', 'the session is closed')
  return refuseByKill(batch, intent) ?? refuseByHandover(intent, session)
}

function decideAndReserve(
  batch: Batch,
  intent: Intent,
  session: SessionState,
  { newId, replaced }: PlaceOptions,
): PlacedIntent {
  const isObserving = intent.principal.mode === 'observe'
  let decision = decideNow(batch, intent, session)
  bringBudgetsToNow(batch, session)
  let exceeded = firstExceeded(session.budgets, intent.reservation)
  let cut: Cut | undefined
  if (exceeded !== undefined && decision.verdict !== 'deny') {
    // What an observing session does is not changed, only told.
    cut = isObserving ? undefined : cutToFit(session.budgets, intent)
    exceeded = cut === undefined ? (hitBy(session, intent) ?? exceeded) : undefined
    if (exceeded !== undefined && intent.asksWhenOver === true && !isObserving) {
      return settled(overResult(session, exceeded, intent))
    }
    if (exceeded !== undefined) decision = overBudget(decision, exceeded, { session, intent })
  }
  decision = deferInRun(intent, session, decision)
  decision = handOverIfAsked(batch, intent, session, { decision, newId })
  if (!isObserving && decision.verdict === 'deny') {
    const refused = refuse(batch, intent, session, decision)
    if (exceeded !== undefined) tellHit(batch, session, { intent, hit: exceeded })
    return settled(refused)
  }
  if (!isObserving && decision.verdict === 'hold') {
    const { resume } = intent
    if (resume !== undefined) {
      return settled(reopen(batch, intent, session, { decision, resume, newId }))
    }
    return settled(hold(batch, intent, session, { decision, newId, replaced }))
  }
  const blocked = blockedBy(batch, intent)
  if (blocked && 'kind' in blocked) return settled(blocked)
  if (blocked) return settled(refuse(batch, intent, session, blocked))
  const taken = { decision, exceeded, cut }
  return take(batch, intent, session, { ...taken, newId })
}

function decideNow(batch: Batch, intent: Intent, session: SessionState): Decision {
  let decision = intent.decide(session.facts, batch.nowMs, signalsOf(batch, intent))
  decision = tightenByMoney(batch, intent, { session, decision })
  if (intent.resume !== undefined) {
    decision = decideResumed(intent, intent.resume, session, decision)
  }
  const { notes = [], retryOf } = intent
  if (notes.length === 0 && retryOf === undefined) return decision
  const retry: Reason[] =
    retryOf === undefined
      ? []
      : [{ rule: 'retry', verdict: 'allow', reason: `another attempt of call ${retryOf}` }]
  return { ...decision, reasons: [...decision.reasons, ...notes, ...retry] }
}

/** Takes what the call may use of its budgets, and lets it go on. */
function take(
  batch: Batch,
  intent: Intent,
  session: SessionState,
  options: {
    decision: Decision
    exceeded: Budget | undefined
    cut: Cut | undefined
    newId: () => string
  },
): PlacedIntent {
  const { decision, exceeded, cut, newId } = options
  const wanted = cut?.reservation ?? intent.reservation
  const reservation = exceeded === undefined ? wanted : noAmounts
  const { budgets } = session
  const isLeased = exceeded === undefined && takeLease(batch, intent, { budgets, reservation })
  const ledgerIds = reserveIn(batch, session, reservation)
  const result = proceed(batch, intent, session, { decision, reservation, cut, ledgerIds, newId })
  return { result, isLeased }
}

function proceed(
  batch: Batch,
  intent: Intent,
  session: SessionState,
  options: {
    decision: Decision
    reservation: Intent['reservation']
    cut: Cut | undefined
    ledgerIds: readonly string[] | undefined
    newId: () => string
  },
): IntentResult {
  const { decision, reservation, cut, ledgerIds } = options
  const reasons = JSON.stringify(decision.reasons)
  const enforced = decision.verdict === 'allow'
  const entry = record(batch, {
    ...names(intent),
    type: 'call.intent',
    body: {
      action: clip(intent.action),
      amount: intent.effect?.amountMinor?.toString(),
      currency: intent.effect?.currency,
      cut: cut?.completionTokens.toString(),
      decision: sha256Base64url(reasons),
      drift: intent.drift,
      enforced,
      flow: decision.flow,
      handover: intent.inStead?.handoverId,
      hold: intent.resume?.holdId,
      key: intent.effect && sha256Base64url(intent.effect.key),
      kind: intent.kind,
      operator: intent.inStead?.operatorId,
      request: intent.request.commitment,
      reserved: tellReserved(reservation),
      retry: intent.retryOf,
      rule: clip(decision.reasons[0]?.rule ?? ''),
      sig: intent.principal.signature,
      verdict: decision.verdict,
    },
  })
  const effectId = intent.resume?.effectId ?? openEffect(batch, intent, options.newId)
  const hasMoney = takeMoney(batch, intent)
  countCall(batch, session, { intent, decision })
  tellFirings(batch, intent, session, decision)
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
      ledgerIds,
    })
  } else {
    batch.rows.holdChanges.push({ hold_id: intent.resume.holdId, state: 'approved' })
    const { seq } = entry
    resumeCall(batch, intent, { decision, reservation, ledgerIds, seq, state: 'executing' })
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
    held: reservation,
    bucket: 'reserved',
    effectId,
    effectKey: intent.effect?.key,
    runName: intent.run?.name,
    ledgerIds,
    hasMoney,
  })
  return {
    kind: 'proceed',
    callId: intent.callId,
    decision,
    enforced,
    receipt: entry.receipt,
    effectId,
    reservation,
    ...(cut === undefined ? {} : { completionTokens: cut.completionTokens }),
  }
}

function openEffect(batch: Batch, intent: Intent, newId: () => string): string | undefined {
  if (intent.effect === undefined || !intent.isWrite) return undefined
  return insertEffect(batch, intent, intent.effect, { effectId: newId(), state: 'executing' })
}
