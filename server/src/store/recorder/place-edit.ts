// A held call whose arguments a person changed: it is rejected in the commit in which the new one is
// held, so that the question is never lost. Where the new call is not held, it waits on as it was.
import { type Batch, record } from './batch.ts'
import type { Scope } from './state.ts'
import type { Editor, Intent } from './types.ts'

/** A hold that can still be replaced, as it stands under the lock. */
export type ReplaceableHold = {
  readonly holdId: string
  readonly callId: string
  readonly sessionId: string
  readonly agentId: string
  readonly versionId: string
  readonly pactId: string
  readonly effectId: string
  readonly effectKey: string
  readonly round: number
  readonly argsHash: string
  readonly schemaHash: string
  readonly factsHash: string | undefined
  /** Its time is over, and nobody has written it down yet. */
  readonly isOver: boolean
}

/** By the hold's id: those that people are asked about. Call it while the lock is held. */
export async function loadReplaceable(
  scope: Scope,
  intents: readonly Intent[],
): Promise<Map<string, ReplaceableHold>> {
  const ids = intents.flatMap((intent) => intent.author?.replaces ?? [])
  if (ids.length === 0) return new Map()
  const found = await scope.client.query<{
    hold_id: string
    call_id: string
    session_id: string
    agent_id: string
    version_id: string
    pact_id: string
    effect_id: string
    effect_key: string
    round: number
    args_hash: string
    schema_hash: string
    facts_hash: string | null
    is_over: boolean
  }>(
    `SELECT h.hold_id, h.call_id, h.session_id, h.agent_id, c.version_id, h.pact_id, c.effect_id,
      e.effect_key, h.round, h.args_hash, h.schema_hash, h.facts_hash,
      h.expires_at <= clock_timestamp() AS is_over
    FROM airworthy.holds h
    JOIN airworthy.call_intents c ON c.organisation_id = $1 AND c.call_id = h.call_id
    JOIN airworthy.effects e ON e.organisation_id = $1 AND e.effect_id = c.effect_id
    WHERE h.organisation_id = $1 AND h.hold_id = ANY($2::uuid[]) AND h.state = 'pending'`,
    [scope.organisationId, ids],
  )
  return new Map(
    found.rows.map((row) => [
      row.hold_id,
      {
        holdId: row.hold_id,
        callId: row.call_id,
        sessionId: row.session_id,
        agentId: row.agent_id,
        versionId: row.version_id,
        pactId: row.pact_id,
        effectId: row.effect_id,
        effectKey: row.effect_key,
        round: row.round,
        argsHash: row.args_hash,
        schemaHash: row.schema_hash,
        factsHash: row.facts_hash ?? undefined,
        isOver: row.is_over,
      },
    ]),
  )
}

/** Rejects the hold that the new call takes the place of. Call it before the new effect is made. */
export function replaceHold(
  batch: Batch,
  replaced: {
    readonly hold: ReplaceableHold
    readonly editor: Editor
    readonly newHoldId: string
    readonly newEffectKey: string
    readonly noticeId: string
  },
): void {
  const { hold, editor, newHoldId, newEffectKey, noticeId } = replaced
  const { holdId, callId, sessionId, agentId, versionId, pactId, effectId, effectKey } = hold
  const { seq } = record(batch, {
    type: 'hold.rejected',
    agentId,
    versionId,
    pactId,
    sessionId,
    callId,
    body: {
      args: hold.argsHash,
      code: 'hold.replaced',
      facts: hold.factsHash,
      hold: holdId,
      operator: editor.operatorId,
      reason: editor.reason.commitment,
      round: hold.round,
      schema: hold.schemaHash,
    },
  })
  // The effect keeps its key, so that a repeat hears what was decided; unless the new one needs it.
  const isLive = effectKey === newEffectKey ? false : undefined
  batch.rows.effectChanges.push({ effect_id: effectId, state: 'denied', is_live: isLive })
  const live = batch.state.effects.get(effectKey)
  if (live?.effectId === effectId) live.state = 'denied'
  batch.rows.replaced.push({
    hold_id: holdId,
    call_id: callId,
    new_hold_id: newHoldId,
    reason: editor.reason.text,
    salt: editor.reason.salt.toString('hex'),
    seq: seq.toString(),
  })
  batch.rows.notices.push({
    notice_id: noticeId,
    kind: 'hold.decided',
    subject_id: holdId,
    detail: { agent: agentId, decision: 'replaced' },
  })
}
