// A call that waits: for a person, or for its run.
import type { Decision } from '../../core/decision/decision.ts'
import { type Batch, record, requestPart, store, touchSession } from './batch.ts'
import { clip, insertCall, insertEffect, names, strictest } from './call-rows.ts'
import { sha256Base64url } from './digest.ts'
import { questionOf } from './place-approval.ts'
import { type ReplaceableHold, replaceHold } from './place-edit.ts'
import { tellFirings } from './place-escalation.ts'
import type { SessionState } from './state.ts'
import type { Intent, IntentResult } from './types.ts'

export function hold(
  batch: Batch,
  intent: Intent,
  session: SessionState,
  options: { decision: Decision; newId: () => string; replaced?: ReplaceableHold | undefined },
): IntentResult {
  const { decision, newId, replaced } = options
  const effect = intent.holdEffect()
  const holdId = newId()
  if (replaced !== undefined && intent.author !== undefined) {
    const as = { newHoldId: holdId, newEffectKey: effect.key, noticeId: newId() }
    replaceHold(batch, { hold: replaced, editor: intent.author, ...as })
  }
  const authorId = intent.author?.operatorId ?? intent.inStead?.operatorId
  const effectId = newId()
  tellFirings(batch, intent, session, decision)
  const isDeferred = decision.code === 'run.deferred'
  const question = isDeferred ? undefined : questionOf(batch, intent, session, decision)
  const untilMs = question?.untilMs ?? batch.nowMs + intent.holdExpiresAfterMs
  const reasons = JSON.stringify(decision.reasons)
  const entry = record(batch, {
    ...names(intent),
    type: 'call.held',
    body: {
      action: clip(intent.action),
      amount: effect.amountMinor?.toString(),
      args: clip(effect.argsHash),
      decision: sha256Base64url(reasons),
      facts: question?.factsHash,
      handover: decision.handover ?? intent.inStead?.handoverId,
      hold: holdId,
      operator: authorId,
      replaces: intent.author?.replaces,
      request: intent.request.commitment,
      rule: clip(strictest(decision)),
      sig: intent.principal.signature,
      until: untilMs,
    },
  })
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
    policy: question?.row.policy,
    facts: question?.row.facts,
    facts_hash: question?.row.facts_hash,
    effect_seen: question?.row.effect_seen,
    level_until_ms: question?.row.level_until_ms,
    author_id: authorId,
    replaces_hold: intent.author?.replaces,
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
