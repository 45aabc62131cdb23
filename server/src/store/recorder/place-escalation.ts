// Triggers under the lock: what is known of a call beside its session, what of it is remembered once
// it goes on, and the record of each trigger that was met.
import { randomUUIDv7 } from 'node:crypto'
import type { Decision } from '../../core/decision/decision.ts'
import type {
  Confidence,
  EscalationFacts,
  Firing,
  Reading,
  Signals,
} from '../../core/escalation/escalation.ts'
import { addCall, findAnomalies, hourOf, ratesAt } from '../../core/escalation/rates.ts'
import { type AgentWatch, encounterKey } from './agent-watch.ts'
import { type Batch, record, touchSession } from './batch.ts'
import { clip, names } from './call-rows.ts'
import type { OpenCall, SessionState } from './state.ts'
import type { Intent, Outcome } from './types.ts'

/** What is in use is written again this often, so that what is not can be told and forgotten. */
const seenAgainMs = 30 * 86_400_000

/** Undefined where nobody watches the agent. */
export function signalsOf(batch: Batch, intent: Intent): Signals | undefined {
  const { watch } = intent
  if (watch === undefined) return undefined
  const { agentId } = intent.principal
  const known = watchOf(batch, agentId)
  const unseen = watch.encounters.filter(
    (each) => batch.state.encounters.get(encounterKey(agentId, each)) === undefined,
  )
  const { nanoUsd } = intent.reservation
  const { rates } = watch
  return {
    unseen: [...new Set(unseen.map(({ kind }) => kind))],
    isLearning: isLearning(known, watch.learning, batch.nowMs),
    anomalies:
      rates === undefined
        ? []
        : findAnomalies(ratesAt(known.rates, hourOf(batch.nowMs), rates), { nanoUsd }, rates),
  }
}

function watchOf(batch: Batch, agentId: string): AgentWatch {
  const known = batch.state.watches.get(agentId)
  if (known === undefined) throw new Error(`what agent ${agentId} did was not read`)
  return known
}

function isLearning(
  { sinceMs, watchedCalls }: AgentWatch,
  learning: NonNullable<Intent['watch']>['learning'],
  nowMs: number,
): boolean {
  if (learning === undefined) return false
  return watchedCalls < learning.calls && nowMs - (sinceMs ?? nowMs) < learning.ms
}

/** A call goes on: the agent has done it now. What was not allowed teaches nothing. */
export function rememberCall(batch: Batch, intent: Intent, decision: Decision): void {
  const { watch } = intent
  if (watch === undefined) return
  const { agentId } = intent.principal
  const known = watchOf(batch, agentId)
  const { watches, encounters } = batch.rows.escalation
  watches.set(agentId, known)
  if (watch.rates !== undefined) {
    const rates = ratesAt(known.rates, hourOf(batch.nowMs), watch.rates)
    // Also of calls that no trigger asks about: an agent that only reads may have gone astray.
    tellAnomaly(batch, intent, findAnomalies(rates, intent.reservation, watch.rates))
    known.rates = addCall(rates, intent.reservation)
  }
  if (watch.encounters.length === 0) return
  known.sinceMs ??= batch.nowMs
  known.watchedCalls += 1
  if (decision.verdict !== 'allow') return
  for (const { kind, digest } of watch.encounters) {
    const key = encounterKey(agentId, { kind, digest })
    const seenMs = batch.state.encounters.get(key)
    if (seenMs !== undefined && batch.nowMs - seenMs < seenAgainMs) continue
    batch.state.encounters.set(key, batch.nowMs)
    encounters.push({ agent_id: agentId, kind, digest, call_id: intent.callId })
  }
}

/** An entry and a row for each trigger that was met. Nothing for most calls. */
export function tellFirings(
  batch: Batch,
  intent: Intent,
  session: SessionState | undefined,
  decision: Decision,
): void {
  const { firings } = decision
  if (firings === undefined || session === undefined) return
  nameDoubt(batch, intent, session)
  for (const firing of firings) tellFiring(batch, intent, { session, decision, firing })
  const odd = firings.find(({ trigger }) => trigger === 'anomaly')?.codes
  if (odd !== undefined) tellAnomaly(batch, intent, odd)
  settleDoubt(batch, intent, { session, decision })
}

function tellFiring(
  batch: Batch,
  intent: Intent,
  of: {
    readonly session: SessionState
    readonly decision: Decision
    readonly firing: Firing
  },
): void {
  const { session, decision, firing } = of
  const { verdict } = decision
  const { trigger, codes, consequence, task } = firing
  const { seq } = record(batch, {
    ...names(intent),
    type: 'escalation.fired',
    body: {
      action: clip(intent.action),
      codes: codes.join(' '),
      consequence,
      hold: intent.resume?.holdId,
      trigger,
      verdict,
    },
  })
  batch.rows.escalation.firings.push({
    call_id: intent.callId,
    trigger,
    codes,
    consequence,
    verdict,
    enforced: intent.principal.mode !== 'observe',
    agent_id: intent.principal.agentId,
    session_id: session.id,
    action: intent.action,
    task,
    seq: seq.toString(),
  })
}

/** People hear of an odd hour once; not of a session that only observes, which nothing may stop. */
function tellAnomaly(batch: Batch, intent: Intent, odd: readonly string[]): void {
  const { agentId, sessionId, mode } = intent.principal
  const asked = [...(intent.watch?.rates?.measures ?? [])]
  const measures = asked.filter((measure) => odd.includes(measure))
  if (measures.length === 0 || mode === 'observe') return
  const known = watchOf(batch, agentId)
  const hour = hourOf(batch.nowMs)
  if (known.toldHour === hour) return
  known.toldHour = hour
  batch.rows.escalation.watches.set(agentId, known)
  batch.rows.notices.push({
    notice_id: randomUUIDv7(),
    kind: 'escalation.anomaly',
    subject_id: intent.callId,
    detail: { agent: agentId, session: sessionId, measures: measures.join(' ') },
  })
}

/** What the agent's own tool said is of that call. */
function nameDoubt(batch: Batch, intent: Intent, session: SessionState): void {
  const { escalation } = session.facts
  if (escalation?.doubt === undefined || escalation.doubt.callId !== undefined) return
  touchSession(batch, session)
  const doubt = { ...escalation.doubt, callId: intent.callId }
  session.facts.escalation = { ...escalation, doubt }
}

/** A doubt is over once a person has approved a call that it held, or has the whole session. */
function settleDoubt(
  batch: Batch,
  intent: Intent,
  { session, decision }: { readonly session: SessionState; readonly decision: Decision },
): void {
  const { escalation } = session.facts
  const hasDoubted = decision.firings?.some(({ trigger }) => trigger === 'doubt') === true
  if (!hasDoubted || escalation?.doubt === undefined) return
  // Ids of calls are in the order of time: what was said after the call is another question.
  const isLater = (escalation.doubt.callId ?? '') > intent.callId
  const isApproved = intent.resume !== undefined && decision.verdict === 'allow' && !isLater
  if (!isApproved && decision.handover === undefined) return
  touchSession(batch, session)
  session.facts.escalation = { ...escalation, doubt: undefined }
}

/** What the model's reply says of itself is known as soon as the reply is on record. */
export function placeReading(
  batch: Batch,
  call: OpenCall,
  { session, outcome }: { readonly session: SessionState; readonly outcome: Outcome },
): void {
  const { reading } = outcome
  if (reading === undefined) return
  touchSession(batch, session)
  const { doubt } = reading
  const before = session.facts.escalation
  const facts: EscalationFacts = {
    confidence: lessSure(before?.confidence, reading),
    doubt: doubt === undefined ? before?.doubt : { callId: call.callId, source: doubt },
  }
  session.facts.escalation = facts
}

/**
 * What is known before is of a reply that was asked for at the same time, since a model call takes
 * back what was known: which of the two the agent acts on is not known, so the less sure one counts.
 */
function lessSure(before: Confidence | undefined, reading: Reading): Confidence | undefined {
  const stated = lower(before?.stated, reading.stated)
  const logprobs = lower(before?.logprobs, reading.logprobs)
  const isSilent = before?.stated !== undefined && reading.stated === undefined
  const isUnclear = before?.isUnclear === true || reading.isUnclear === true || isSilent
  if (stated === undefined && logprobs === undefined && !isUnclear) return undefined
  return {
    ...(stated === undefined ? {} : { stated }),
    ...(logprobs === undefined ? {} : { logprobs }),
    ...(isUnclear ? { isUnclear } : {}),
  }
}

function lower(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return Math.min(one, other)
}
