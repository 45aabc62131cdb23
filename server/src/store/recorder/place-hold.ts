// A call that waits: for a person, or for its run.
import type { Decision } from '../../core/decision/decision.ts'
import { type Batch, record, requestPart, store, touchSession } from './batch.ts'
import { clip, insertCall, insertEffect, names, strictest } from './call-rows.ts'
import { sha256Base64url } from './digest.ts'
import type { SessionState } from './state.ts'
import type { Intent, IntentResult } from './types.ts'

export function hold(
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
    wire: intent.wire,
  })
  if (!isDeferred) {
    const notice = { notice_id: newId(), kind: 'hold.opened', subject_id: holdId } as const
    batch.rows.notices.push({ ...notice, detail: { agent: intent.principal.agentId } })
  }
  const { callId } = intent
  return { kind: 'held', callId, decision, enforced: true, receipt: entry.receipt, holdId, untilMs }
}
