// Effects that touch the same thing, as their contracts name it: one whose end is open blocks the
// next, and a later one that stands blocks the undo of an earlier one. They are read anew for each
// batch that asks, and what the batch itself changes is laid over them.
import type { QueryResultRow } from 'pg'
import type { Decision } from '../../core/decision/decision.ts'
import type { Batch } from './batch.ts'
import type { RecorderState, Scope } from './state.ts'
import type { Intent, IntentResult, TouchingEffect, UndoTarget } from './types.ts'

const rowsMax = 100
/** Their end is not known yet. */
const openStates: readonly string[] = ['executing', 'unknown', 'undoing']
/** They are in the world. */
const standingStates: readonly string[] = [...openStates, 'done', 'undo_failed']

/** Reads what the intents of a batch touch. Must be called while the head's lock is held. */
export async function loadTouching(
  state: RecorderState,
  scope: Scope,
  intents: readonly Intent[],
): Promise<void> {
  state.touching.length = 0
  state.undoTargets.clear()
  const touches = new Set(intents.flatMap((intent) => intent.effect?.touches ?? []))
  if (touches.size > 0) state.touching.push(...(await loadOpen(scope, [...touches])))
  for (const { undo } of intents) {
    if (undo === undefined || state.undoTargets.has(undo.effectId)) continue
    const target = await findUndoTarget(
      async <Row>(text: string, values: unknown[]) => {
        const found = await scope.client.query<Row & QueryResultRow>(text, values)
        return found.rows
      },
      { organisationId: scope.organisationId, effectId: undo.effectId },
    )
    if (target !== undefined) state.undoTargets.set(undo.effectId, target)
  }
}

type TouchingRow = {
  effect_id: string
  call_id: string
  state: string
  touches: string[] | null
  undo_state?: string | null
}

async function loadOpen(scope: Scope, touches: readonly string[]): Promise<TouchingEffect[]> {
  const found = await scope.client.query<TouchingRow>(
    `SELECT e.effect_id, CASE WHEN e.state = 'undoing' THEN coalesce(e.undo_call_id, e.call_id)
        ELSE e.call_id END AS call_id, e.state, e.touches, u.state AS undo_state
    FROM airworthy.effects e LEFT JOIN airworthy.calls u
      ON u.organisation_id = e.organisation_id AND u.call_id = e.undo_call_id
    WHERE e.organisation_id = $1 AND e.touches && $2::text[] AND e.state = ANY($3::text[])
    ORDER BY e.effect_id`,
    [scope.organisationId, touches, openStates],
  )
  return found.rows.map(touchingOf)
}

function touchingOf(row: TouchingRow): TouchingEffect {
  const { effect_id: effectId, call_id: callId, state } = row
  const isUndoUnknown = state === 'undoing' && row.undo_state === 'unknown'
  return { effectId, callId, state, touches: row.touches ?? [], isUndoUnknown }
}

type TargetRow = TouchingRow & {
  action: string
  effect_class: string
  effect_key: string
  undo_call_id: string | null
  undo_call_state: string | null
  dispatched_ms: string | null
  log_id: string
  intent_seq: string | null
}

const targetText = `SELECT e.effect_id, e.call_id, e.state, e.touches, e.action, e.effect_class,
    e.effect_key, e.undo_call_id, u.state AS undo_call_state, c.log_id, c.intent_seq,
    (extract(epoch FROM coalesce(e.dispatched_at, e.created_at)) * 1000)::bigint AS dispatched_ms
  FROM airworthy.effects e
  JOIN airworthy.call_intents c USING (organisation_id, call_id)
  LEFT JOIN airworthy.calls u
    ON u.organisation_id = e.organisation_id AND u.call_id = e.undo_call_id
  WHERE e.organisation_id = $1 AND e.effect_id = $2`

// The intent's place in the log is the order in which tools were asked.
const inTheWayText = `SELECT o.effect_id, o.call_id, o.state, o.touches FROM (
    SELECT e.* FROM airworthy.effects e
    WHERE e.organisation_id = $1 AND e.touches && $3::text[]
    UNION SELECT e.* FROM airworthy.effects e
    WHERE e.organisation_id = $1 AND e.effect_key = $4 AND e.is_live) o
  JOIN airworthy.call_intents c USING (organisation_id, call_id)
  WHERE o.effect_id <> $2 AND (o.state = ANY($5::text[]) OR (o.state = ANY($6::text[])
    AND (c.log_id, c.intent_seq) > ($7::bigint, $8::bigint)))
  ORDER BY c.log_id DESC, c.intent_seq DESC LIMIT ${rowsMax}`

/** Runs a statement and gives its rows; who calls it knows their shape. */
type RunQuery = <Row>(text: string, values: unknown[]) => Promise<Row[]>

/** An effect that is to be undone, and what stands in its way. */
export async function findUndoTarget(
  query: RunQuery,
  wanted: { organisationId: string; effectId: string },
): Promise<UndoTarget | undefined> {
  const { organisationId, effectId } = wanted
  const [row] = await query<TargetRow>(targetText, [organisationId, effectId])
  if (row === undefined) return undefined
  const inTheWay = await query<TouchingRow>(inTheWayText, [
    organisationId,
    effectId,
    row.touches ?? [],
    row.effect_key,
    openStates,
    standingStates,
    row.log_id,
    row.intent_seq ?? '0',
  ])
  return {
    ...touchingOf(row),
    action: row.action,
    effectClass: row.effect_class,
    effectKey: row.effect_key,
    undoCallId: row.undo_call_id ?? undefined,
    undoCallState: row.undo_call_state ?? undefined,
    dispatchedAtMs: Number(row.dispatched_ms ?? 0),
    inTheWay: inTheWay.map(touchingOf),
  }
}

/** The effect's state after what the batch changed so far. */
export function stateNow(batch: Batch, effect: Pick<TouchingEffect, 'effectId' | 'state'>): string {
  const change = batch.rows.effectChanges.findLast((row) => row.effect_id === effect.effectId)
  return change?.state ?? effect.state
}

/** Effects that this batch inserts, and that touch one of the things or have the key. */
function insertedHere(
  batch: Batch,
  touched: { readonly touches: readonly string[]; readonly effectKey?: string },
): TouchingEffect[] {
  const wanted = new Set(touched.touches)
  return batch.rows.effects.flatMap((row) => {
    const touches = row.touches ?? []
    const isSame = row.effect_key === touched.effectKey || touches.some((each) => wanted.has(each))
    if (!isSame) return []
    return [{ effectId: row.effect_id, callId: row.call_id, state: row.state, touches }]
  })
}

/** What stands in the way of an undo, the newest first. */
export function inTheWayOf(batch: Batch, target: UndoTarget): TouchingEffect[] {
  const here = insertedHere(batch, target).toReversed()
  return [...here, ...target.inTheWay].filter(
    (effect) =>
      effect.effectId !== target.effectId && standingStates.includes(stateNow(batch, effect)),
  )
}

/**
 * An effect whose end is open and that touches what this call touches: the call waits for it, or is
 * refused when it has waited. An approved call is never refused for that: it is tried again.
 */
export function blockedBy(
  batch: Batch,
  intent: Intent,
): (IntentResult & { kind: 'wait' }) | Decision | undefined {
  const touches = intent.effect?.touches ?? []
  if (touches.length === 0) return undefined
  const known = batch.state.touching.filter((effect) =>
    effect.touches.some((each) => touches.includes(each)),
  )
  const blocker = [...known, ...insertedHere(batch, { touches })].find(
    (effect) =>
      effect.effectId !== intent.resume?.effectId && openStates.includes(stateNow(batch, effect)),
  )
  if (blocker === undefined) return undefined
  const { callId: ofCallId, effectId } = blocker
  const state = stateNow(batch, blocker)
  if (!intent.hasWaited || intent.resume !== undefined) {
    const isUnknown = state === 'unknown' || blocker.isUndoUnknown === true
    const reason = isUnknown ? 'unknown' : 'in_flight'
    return { kind: 'wait', reason, ofCallId, effectId, isBlocked: true }
  }
  const reason = `call ${ofCallId} touches the same thing, and is ${state}`
  const code = 'effect.blocked'
  return { verdict: 'deny', code, reasons: [{ rule: code, verdict: 'deny', reason }] }
}
