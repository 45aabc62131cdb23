// The rows that an intent writes, whatever is decided about it.
import type { EntryValue } from '../../core/audit/entry.ts'
import { type Amounts, noAmounts } from '../../core/budget/budget.ts'
import type { Decision } from '../../core/decision/decision.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { Batch } from './batch.ts'
import { formatAmounts } from './ledger.ts'
import type { Column } from './rows.ts'
import { joinRun } from './place-run.ts'
import { placeOrigins } from './place-taint.ts'
import type { EffectIntent, Intent } from './types.ts'

export function strictest(decision: Decision): string {
  const reason = decision.reasons.find((each) => each.verdict === decision.verdict)
  return reason?.rule ?? decision.reasons[0]?.rule ?? ''
}

export function names(intent: Intent): {
  agentId: string
  did: string | undefined
  versionId: string
  pactId: string
  sessionId: string
  callId: string
} {
  const { agentId, did, versionId, sessionId } = intent.principal
  return { agentId, did, versionId, pactId: intent.pactId, sessionId, callId: intent.callId }
}

/** As entries tell of it: calls, tokens, nano-USD, and where there are tokens those in and out. */
export function tellReserved(amounts: Amounts): string {
  const { calls, tokens, nanoUsd, inputTokens, outputTokens } = amounts
  const told = `${calls} ${tokens} ${nanoUsd}`
  return inputTokens === 0n && outputTokens === 0n ? told : `${told} ${inputTokens} ${outputTokens}`
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
    /** The decision's reasons as JSON, where the caller has it. */
    reasons?: string
    enforced: boolean
    seq: bigint
    code?: ErrorCode
    effectId?: string | undefined
    repeatOf?: string
    reservation?: Intent['reservation']
    ledgerIds?: readonly string[] | undefined
  },
): void {
  const { decision } = options
  const reservation = options.reservation ?? noAmounts
  const { calls } = batch.rows
  const { principal } = intent
  calls.callId.add(intent.callId)
  calls.sessionId.add(principal.sessionId)
  calls.agentId.add(principal.agentId)
  calls.versionId.add(principal.versionId)
  calls.pactId.add(intent.pactId)
  calls.apiKeyId.add(principal.apiKeyId)
  calls.kind.add(intent.kind)
  calls.action.addText(intent.action)
  calls.state.add(options.state)
  calls.verdict.add(decision.verdict)
  calls.enforced.add(options.enforced)
  calls.code.add(options.code ?? decision.code)
  calls.reasons.addText(options.reasons ?? JSON.stringify(decision.reasons))
  calls.reserved.addText(formatAmounts(reservation))
  calls.effectId.add(options.effectId)
  calls.repeatOf.add(options.repeatOf)
  calls.seq.add(options.seq)
  addLedgers(calls.ledgers, options.ledgerIds)
  keepFlow(batch, intent, { flow: decision.flow, state: options.state })
  placeOrigins(batch, intent)
  keepAuthor(batch, intent)
}

/** Who made the call in the agent's stead. */
function keepAuthor(batch: Batch, { callId, inStead }: Intent): void {
  if (inStead === undefined) return
  const { handoverId, operatorId } = inStead
  const row = { call_id: callId, handover_id: handoverId, operator_id: operatorId }
  batch.rows.handoverCalls.push(row)
}

/** A held call runs in no flow yet. */
function keepFlow(
  batch: Batch,
  { callId }: Intent,
  { flow, state }: { flow: Decision['flow']; state: string },
): void {
  if (flow !== undefined && state !== 'held') batch.rows.flows.push({ call_id: callId, flow })
}

export function resumeCall(
  batch: Batch,
  intent: Intent,
  options: {
    decision: Decision
    reservation: Intent['reservation']
    ledgerIds?: readonly string[] | undefined
    seq: bigint
    state: string
  },
): void {
  const { decision, reservation } = options
  keepFlow(batch, intent, { flow: decision.flow, state: options.state })
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
    ledgers: options.ledgerIds,
    pact_id: intent.pactId,
    seq: options.seq.toString(),
  })
  placeOrigins(batch, intent)
}
export function insertEffect(
  batch: Batch,
  intent: Intent,
  effect: EffectIntent,
  options: { effectId: string; state: string; holdId?: string; untilMs?: number },
): string {
  const expiresMs = effect.windowMs === undefined ? undefined : batch.nowMs + effect.windowMs
  // Where the contract lets other arguments take the key over, its last holder gives it up.
  const before = batch.state.effects.get(effect.key)
  if (before) {
    batch.rows.effectChanges.push({
      effect_id: before.effectId,
      state: before.state,
      is_live: false,
    })
  }
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
    amount_minor: storedAmount(effect.amountMinor),
    currency: effect.currency,
    expires_ms: expiresMs,
    touches: effect.touches,
  })
  joinRun(batch, intent, options.effectId)
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

/** Of assets with many decimals the column may be too narrow; the call's entry has the amount. */
function storedAmount(minor: bigint | undefined): string | undefined {
  return minor !== undefined && BigInt.asIntN(64, minor) === minor ? String(minor) : undefined
}

function addLedgers(column: Column, ids: readonly string[] | undefined): void {
  if (ids === undefined) column.add(undefined)
  else column.addText(`{${ids.join(',')}}`)
}
