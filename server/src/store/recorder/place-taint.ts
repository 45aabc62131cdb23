// What a batch writes of taint: what the session has read by now, where the arguments of a call came
// from, and the values of its result.
import { addTaint, noTaint } from '../../core/taint/taint.ts'
import { type Batch, touchSession } from './batch.ts'
import type { Intent, Outcome } from './types.ts'

/** Once a call is placed, or answered from the record, what it brings counts as read. */
export function readTaint(batch: Batch, intent: Intent): void {
  const session = batch.state.sessions.get(intent.principal.sessionId)
  if (intent.taint === undefined || session === undefined) return
  const { callId, action } = intent
  const before = session.facts.taint ?? noTaint
  const after = addTaint(before, { callId, action, brings: intent.taint.brings })
  if (after === before) return
  touchSession(batch, session)
  session.facts.taint = after
}

export function placeOrigins(batch: Batch, intent: Intent): void {
  const origins = intent.taint?.origins
  if (origins === undefined) return
  batch.rows.taint.origins.push({ call_id: intent.callId, origins })
}

export function placeRemembered(batch: Batch, outcome: Outcome): void {
  if (outcome.remembered !== undefined) batch.rows.taint.remembered.push(outcome.remembered)
}
