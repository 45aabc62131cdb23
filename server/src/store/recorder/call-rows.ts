// The rows that an intent writes, whatever is decided about it.
import type { EntryValue } from '../../core/audit/entry.ts'
import { type Amounts, noAmounts } from '../../core/budget/budget.ts'
import type { Decision } from '../../core/decision/decision.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { Batch } from './batch.ts'
import type { EffectIntent, Intent } from './types.ts'

export function strictest(decision: Decision): string {
  const reason = decision.reasons.find((each) => each.verdict === decision.verdict)
  return reason?.rule ?? decision.reasons[0]?.rule ?? ''
}

export function names(intent: Intent): {
  agentId: string
  versionId: string
  pactId: string
  sessionId: string
  callId: string
} {
  const { agentId, versionId, sessionId } = intent.principal
  return { agentId, versionId, pactId: intent.pactId, sessionId, callId: intent.callId }
}

const clipLength = 96

/** Names in an entry are bounded, so that no name can make an entry too long. */
export function clip(text: string): EntryValue {
  return text.length <= clipLength ? text : `${text.slice(0, clipLength - 1)}~`
}

export function insertCall(
  batch: Batch,
  intent: Intent,
  options: {
    state: string
    decision: Decision
    enforced: boolean
    seq: bigint
    code?: ErrorCode
    effectId?: string | undefined
    repeatOf?: string
    reservation?: Intent['reservation']
  },
): void {
  const { decision } = options
  const reservation = options.reservation ?? noAmounts
  batch.rows.calls.push({
    call_id: intent.callId,
    session_id: intent.principal.sessionId,
    agent_id: intent.principal.agentId,
    version_id: intent.principal.versionId,
    pact_id: intent.pactId,
    api_key_id: intent.principal.apiKeyId,
    kind: intent.kind,
    action: intent.action,
    state: options.state,
    verdict: decision.verdict,
    enforced: options.enforced,
    code: options.code ?? decision.code,
    reasons: decision.reasons,
    reserved: formatAmounts(reservation),
    effect_id: options.effectId,
    repeat_of: options.repeatOf,
    intent_seq: options.seq.toString(),
  })
}

export function resumeCall(
  batch: Batch,
  intent: Intent,
  options: { decision: Decision; reservation: Intent['reservation']; seq: bigint; state: string },
): void {
  const { decision, reservation } = options
  if (intent.resume !== undefined && options.state === 'executing') {
    const change = { effect_id: intent.resume.effectId, state: 'executing', is_live: true }
    batch.rows.effectChanges.push(change)
    const live = batch.state.effects.get(intent.holdEffect().key)
    if (live) live.state = 'executing'
  }
  batch.rows.resumes.push({
    call_id: intent.callId,
    state: options.state,
    code: decision.code,
    reasons: decision.reasons,
    reserved: formatAmounts(reservation),
    pact_id: intent.pactId,
    seq: options.seq.toString(),
  })
}
export function insertEffect(
  batch: Batch,
  intent: Intent,
  effect: EffectIntent,
  options: { effectId: string; state: string; holdId?: string; untilMs?: number },
): string {
  const expiresMs = effect.windowMs === undefined ? undefined : batch.nowMs + effect.windowMs
  batch.rows.effects.push({
    effect_id: options.effectId,
    call_id: intent.callId,
    session_id: intent.principal.sessionId,
    agent_id: intent.principal.agentId,
    action: intent.action,
    effect_class: effect.effectClass,
    effect_key: effect.key,
    args_hash: effect.argsHash,
    state: options.state,
    amount_minor: effect.amountMinor?.toString(),
    currency: effect.currency,
    expires_ms: expiresMs,
  })
  batch.state.effects.set(effect.key, {
    effectId: options.effectId,
    callId: intent.callId,
    argsHash: effect.argsHash,
    state: options.state,
    expiresAtMs: expiresMs,
    holdId: options.holdId,
    holdUntilMs: options.untilMs,
  })
  return options.effectId
}

function formatAmounts(amounts: Amounts): string {
  return `{${amounts.calls},${amounts.tokens},${amounts.nanoUsd}}`
}
