// What an intent and an outcome mean for the run they are part of, under the lock: a run that is
// closed takes no calls, and a step that fails, or is denied, closes it in the same commit.
import type { Decision } from '../../core/decision/decision.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { isDenialOfAuthority, runsPerSessionMax, wholeSessionName } from '../../core/run/run.ts'
import { type Batch, record } from './batch.ts'
import type { KnownRun } from './session-runs.ts'
import type { OpenCall, SessionState } from './state.ts'
import type { Intent, Outcome, RunIntent } from './types.ts'

/** A refusal where the run, or the whole session's, takes no more calls. */
export function refuseByRun(
  batch: Batch,
  intent: Intent,
  session: SessionState | undefined,
): Decision | undefined {
  if (session === undefined || intent.kind !== 'tool') return undefined
  if (session.runs.size === 0 && intent.run === undefined) return undefined
  for (const name of new Set([wholeSessionName, intent.run?.name ?? wholeSessionName])) {
    const run = session.runs.get(name)
    if (run === undefined) continue
    expireRun(batch, session, run)
    if (run.state === 'open') continue
    // What was deferred is executed while its run is completed, and only then.
    if (run.state === 'completing' && intent.resume !== undefined) continue
    const what = name === wholeSessionName ? 'the run of this session' : `the run ${name}`
    return refusal('run.closed', `${what} is ${run.state}; it takes no more calls`)
  }
  const isNew = intent.run !== undefined && !session.runs.has(intent.run.name)
  if (isNew && session.runs.size >= runsPerSessionMax) {
    return refusal('run.too_many', `a session has at most ${runsPerSessionMax} runs`)
  }
  return undefined
}

function refusal(code: ErrorCode, reason: string): Decision {
  return { verdict: 'deny', code, reasons: [{ rule: code, verdict: 'deny', reason }] }
}

function expireRun(batch: Batch, session: SessionState, run: KnownRun): void {
  if (run.state !== 'open' || run.expiresAtMs === undefined) return
  if (run.expiresAtMs > batch.nowMs) return
  closeRun(batch, session, { run, reason: 'run.expired', callId: undefined })
}

/** An irreversible step that is allowed waits until its run is completed, where that is asked. */
export function deferInRun(intent: Intent, session: SessionState, decision: Decision): Decision {
  if (intent.run === undefined || intent.resume !== undefined) return decision
  if (decision.verdict !== 'allow' || intent.principal.mode === 'observe') return decision
  if (!intent.isWrite || intent.effect?.effectClass !== 'irreversible') return decision
  const run = session.runs.get(intent.run.name)
  if (!(run ?? intent.run.policy).irreversibleLast) return decision
  const rule = 'run.irreversible_last'
  const reason = 'it cannot be undone, so it is carried out when the run is completed'
  const reasons = [...decision.reasons, { rule, verdict: 'hold' as const, reason }]
  return { verdict: 'hold', code: 'run.deferred', reasons }
}

/** Makes an effect that begins a step of its run; the first step opens the run. */
export function joinRun(batch: Batch, intent: Intent, effectId: string): void {
  const session = batch.state.sessions.get(intent.principal.sessionId)
  if (intent.run === undefined || session === undefined) return
  const run = session.runs.get(intent.run.name) ?? openRun(batch, intent, session, intent.run)
  if (run.name === wholeSessionName) return
  const { callId } = intent
  batch.rows.runs.steps.push({ run_id: run.runId, effect_id: effectId, call_id: callId })
}

function openRun(batch: Batch, intent: Intent, session: SessionState, wanted: RunIntent): KnownRun {
  const { name, runId, policy } = wanted
  const { agentId, versionId } = intent.principal
  const expiresAtMs = batch.nowMs + policy.expiresAfterSeconds * 1000
  record(batch, {
    type: 'run.opened',
    agentId,
    versionId,
    pactId: intent.pactId,
    sessionId: session.id,
    callId: intent.callId,
    // The name is the agent's own word: it stays outside the log.
    body: { run: runId, until: expiresAtMs, whole: name === wholeSessionName },
  })
  const { onFailure, onDenied, irreversibleLast } = policy
  batch.rows.runs.opened.push({
    run_id: runId,
    session_id: session.id,
    agent_id: agentId,
    version_id: versionId,
    pact_id: intent.pactId,
    name,
    on_failure: onFailure,
    on_denied: onDenied,
    irreversible_last: irreversibleLast,
    expires_ms: expiresAtMs,
  })
  const run: KnownRun = {
    runId,
    name,
    state: 'open',
    onFailure,
    onDenied,
    irreversibleLast,
    expiresAtMs,
  }
  session.runs.set(name, run)
  return run
}

/** A denial for exceeding its authority ends a run that says so. */
export function reactToDenial(
  batch: Batch,
  intent: Intent,
  session: SessionState | undefined,
  code: ErrorCode,
): void {
  if (session === undefined || intent.kind !== 'tool' || !isDenialOfAuthority(code)) return
  const name = intent.run?.name ?? wholeSessionName
  let run = session.runs.get(name)
  if (run === undefined && intent.run !== undefined && name !== wholeSessionName) {
    // Its first call was denied: the run is over before it did anything.
    if (intent.run.policy.onDenied !== 'compensate') return
    run = openRun(batch, intent, session, intent.run)
  }
  if (run === undefined || run.onDenied !== 'compensate' || !isAtWork(run)) return
  closeRun(batch, session, { run, reason: code, callId: intent.callId })
}

/** A step that failed ends a run that says so; one that was found out late is taken back late. */
export function reactToOutcome(
  batch: Batch,
  session: SessionState,
  call: OpenCall,
  outcome: Outcome,
): void {
  if (call.kind !== 'tool' || !call.isWrite || session.runs.size === 0) return
  const run = session.runs.get(call.runName ?? wholeSessionName)
  const whole = session.runs.get(wholeSessionName)
  for (const each of new Set([run, whole])) {
    const isLate = each?.state === 'stuck' && outcome.state === 'done'
    if (each !== undefined && isLate) {
      closeRun(batch, session, { run: each, reason: 'call.settled_late', callId: call.callId })
    }
  }
  if (run === undefined || !isAtWork(run) || run.onFailure !== 'compensate') return
  // A post-condition that does not hold leaves the effect done, and the step failed.
  const isBroken = outcome.state === 'done' && outcome.code?.startsWith('effect.') === true
  if (outcome.state !== 'failed' && !isBroken) return
  closeRun(batch, session, { run, reason: outcome.code ?? 'call.failed', callId: call.callId })
}

function isAtWork(run: KnownRun): boolean {
  return run.state === 'open' || run.state === 'completing'
}

function closeRun(
  batch: Batch,
  session: SessionState,
  closing: { run: KnownRun; reason: string; callId: string | undefined },
): void {
  const { run, reason, callId } = closing
  record(batch, {
    type: 'run.compensating',
    agentId: session.agentId,
    sessionId: session.id,
    callId,
    body: { reason, run: run.runId },
  })
  const closed = { run_id: run.runId, session_id: session.id, reason, call_id: callId }
  batch.rows.runs.closed.push(closed)
  run.state = 'compensating'
  if (run.name !== wholeSessionName) return
  for (const other of session.runs.values()) {
    if (isAtWork(other) || other.state === 'stuck') other.state = 'compensating'
  }
}
