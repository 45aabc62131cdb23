// Step 7 of the life of a call, under the lock: what was used is settled, the rest released; the
// effect takes its last state; the outcome's entry is written.
import { type Batch, record, responsePart, store, touchLedger, touchSession } from './batch.ts'
import { clip } from './call-rows.ts'
import { tellChecks } from '../../core/effect/check.ts'
import { sha256Base64url } from './digest.ts'
import { endCall, endCallIn } from './ledger.ts'
import { detailInEntry, detailOf, formatDetail } from './outcome-detail.ts'
import { tellAlerts } from './place-alerts.ts'
import { endMoney } from './place-money.ts'
import { endUndo } from './place-undo.ts'
import { reactToOutcome } from './place-run.ts'
import type { OpenCall, SessionState } from './state.ts'
import { placeReading } from './place-escalation.ts'
import { placeRemembered } from './place-taint.ts'
import type { Outcome, Settled } from './types.ts'

export function placeOutcome(batch: Batch, call: OpenCall, outcome: Outcome): Settled {
  const session = batch.state.sessions.get(call.sessionId)
  if (session === undefined) throw new Error(`the session of call ${call.callId} is gone`)
  if (outcome.state === 'unknown' && call.bucket === 'unknown') {
    throw new RangeError(`call ${call.callId} is unknown already`)
  }
  settleBudgets(batch, session, call, outcome)
  const detail = detailInEntry(outcome)
  countOutcome(batch, session, call, outcome)
  if (call.kind === 'undo') endUndo(batch, call, outcome)
  else changeEffect(batch, call, outcome)
  endMoney(batch, call, outcome)
  const entry = record(batch, {
    agentId: call.agentId,
    versionId: call.versionId,
    pactId: call.pactId,
    sessionId: call.sessionId,
    callId: call.callId,
    type: 'call.outcome',
    body: {
      action: clip(call.action),
      atLeast: detail.atLeast,
      attempts: outcome.attempts,
      cache: outcome.cache,
      cacheOf: outcome.cacheOf,
      checks: outcome.checks && clip(tellChecks(outcome.checks)),
      code: outcome.code,
      cost: outcome.used?.nanoUsd.toString(),
      endpoint: detail.endpoint,
      estimated: outcome.estimated,
      key: call.effectKey === undefined ? undefined : sha256Base64url(call.effectKey),
      kind: call.kind,
      operator: outcome.operatorId,
      prices: outcome.prices && clip(outcome.prices),
      reason: detail.reason,
      relayed: outcome.relayed && clip(outcome.relayed),
      resolved: outcome.resolvedBy,
      response: outcome.response?.commitment,
      state: outcome.state,
      usage: outcome.usage && formatUsage(outcome.usage),
    },
  })
  if (outcome.checks !== undefined) {
    batch.rows.checks.push({ call_id: call.callId, checks: outcome.checks })
  }
  placeRemembered(batch, outcome)
  placeReading(batch, call, { session, outcome })
  if (outcome.response !== undefined) {
    store(batch, call.callId, responsePart, outcome.response)
  }
  addOutcome(batch, call, outcome, entry.seq)
  reactToOutcome(batch, session, call, outcome)
  batch.openCalls.delete(call.callId)
  return { receipt: entry.receipt, state: outcome.state }
}

function addOutcome(batch: Batch, call: OpenCall, outcome: Outcome, seq: bigint): void {
  const { usage } = outcome
  const cost = outcome.used?.nanoUsd
  if (call.bucket === 'unknown') {
    batch.rows.resolutions.push({
      call_id: call.callId,
      state: outcome.state,
      code: outcome.code,
      pt: usage?.promptTokens,
      ct: usage?.cachedTokens,
      ot: usage?.completionTokens,
      cost: cost?.toString(),
      seq: seq.toString(),
      detail: detailOf(outcome),
    })
    return
  }
  const { outcomes } = batch.rows
  outcomes.callId.add(call.callId)
  outcomes.state.add(outcome.state)
  outcomes.code.add(outcome.code)
  outcomes.promptTokens.add(usage?.promptTokens)
  outcomes.cachedTokens.add(usage?.cachedTokens)
  outcomes.completionTokens.add(usage?.completionTokens)
  outcomes.cost.add(cost)
  outcomes.seq.add(seq)
  const detail = formatDetail(outcome)
  if (detail === undefined) outcomes.detail.add(undefined)
  else outcomes.detail.addText(detail)
}

/** Prompt, cached and completion tokens; then those written to caches, and of reasoning, if any. */
function formatUsage(usage: NonNullable<Outcome['usage']>): string {
  const { cacheWriteTokens = 0, cacheWriteLongTokens = 0, reasoningTokens = 0 } = usage
  const told = `${usage.promptTokens} ${usage.cachedTokens} ${usage.completionTokens}`
  if (cacheWriteTokens === 0 && cacheWriteLongTokens === 0 && reasoningTokens === 0) return told
  return `${told} ${cacheWriteTokens} ${cacheWriteLongTokens} ${reasoningTokens}`
}

function settleBudgets(
  batch: Batch,
  session: SessionState,
  call: OpenCall,
  outcome: Outcome,
): void {
  touchSession(batch, session)
  const { used, usedAtLeast } = outcome
  const { bucket, held, settledBefore, ledgerIds } = call
  const end = { bucket, held, settledBefore, used, usedAtLeast }
  endCall(session.ownBudgets, end)
  for (const id of ledgerIds ?? []) {
    const ledger = batch.state.ledgers.get(id)
    if (ledger === undefined) continue
    touchLedger(batch, ledger)
    endCallIn(ledger, end, batch.nowMs)
    tellAlerts(batch, ledger, { call })
  }
  if (used === undefined) return
  const { facts } = session
  const tokens = facts.tokens + Number(used.tokens - call.held.tokens)
  facts.tokens = Math.min(tokens, Number.MAX_SAFE_INTEGER)
  facts.spentNanoUsd += used.nanoUsd - call.held.nanoUsd
}

function countOutcome(batch: Batch, session: SessionState, call: OpenCall, outcome: Outcome): void {
  touchSession(batch, session)
  if (call.kind !== 'tool') return
  const counts = session.facts.tools[call.action]
  if (counts === undefined) return
  if (call.bucket === 'unknown') counts.unknown -= 1
  counts[outcome.state] += 1
}

function changeEffect(batch: Batch, call: OpenCall, outcome: Outcome): void {
  if (call.effectId === undefined) return
  // A failed effect did nothing and may be tried again; done and unknown keep their key.
  const isLive = outcome.state !== 'failed'
  batch.rows.effectChanges.push({
    effect_id: call.effectId,
    state: outcome.state,
    is_live: isLive,
  })
  if (call.effectKey === undefined) return
  const live = batch.state.effects.get(call.effectKey)
  if (!isLive) batch.state.effects.set(call.effectKey, null)
  else if (live) live.state = outcome.state
}
