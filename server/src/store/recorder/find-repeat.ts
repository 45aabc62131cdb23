// Whether a call asks for an effect that was asked for before.
import type { Batch } from './batch.ts'
import type { LiveEffect } from './state.ts'
import type { EffectIntent } from './types.ts'

/** The live effect under the call's key; undefined where the call is an effect of its own. */
export function findRepeat(batch: Batch, effect: EffectIntent): LiveEffect | undefined {
  const live = batch.state.effects.get(effect.key) ?? undefined
  if (live === undefined || isReplaced(live, effect)) return undefined
  if (live.state === 'done' && live.expiresAtMs !== undefined && live.expiresAtMs <= batch.nowMs) {
    batch.rows.effectChanges.push({ effect_id: live.effectId, state: 'done', is_live: false })
    batch.state.effects.set(effect.key, null)
    return undefined
  }
  return live
}

/** The contract says that other arguments take the key over; what is not over yet keeps it. */
function isReplaced(live: LiveEffect, effect: EffectIntent): boolean {
  const isOver = live.state === 'done' || live.state === 'denied'
  return effect.replaces === true && isOver && live.argsHash !== effect.argsHash
}

/** Why a repeat has to wait, and for which call; undefined where the first one is answered. */
export function waitOf(
  live: LiveEffect,
): { reason: 'in_flight' | 'unknown'; ofCallId: string } | undefined {
  // An undo that failed changed nothing: the effect stands.
  if (live.state === 'done' || live.state === 'undo_failed') return undefined
  const ofCallId = live.state === 'undoing' ? (live.undoCallId ?? live.callId) : live.callId
  return { reason: live.state === 'unknown' ? 'unknown' : 'in_flight', ofCallId }
}
