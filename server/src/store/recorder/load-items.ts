// What a batch needs to know: sessions, keys, live effects, and calls that the recorder does not
// remember, of another process or of a connection that is gone.
import { isWatchKnown, loadWatches } from './load-watches.ts'
import type { Item, Loaded } from './items.ts'
import { isMoneyAsked, loadMoney } from './load-money.ts'
import { amountsOf } from './ledger.ts'
import { loadReplaceable } from './place-edit.ts'
import { settledBeforeOf } from './outcome-detail.ts'
import { loadPolicyLedgers } from './policies.ts'
import { loadState, type OpenCall, type RecorderState, type Scope } from './state.ts'
import { loadTouching } from './touching.ts'
import type { Intent } from './types.ts'

/** True when nothing has to be read, and no lease taken back, to decide about the call. */
export function isIntentKnown(state: RecorderState, intent: Intent, nowMs: number): boolean {
  if (intent.resume !== undefined || intent.author !== undefined) return false
  if (!state.keys.has(intent.principal.apiKeyId)) return false
  // What money is left is read anew, where there are limits on it.
  if (isMoneyAsked(state, intent)) return false
  // Which effects touch the same thing is never remembered.
  if (intent.undo !== undefined || intent.effect?.touches !== undefined) return false
  if (intent.effect !== undefined && !state.effects.has(intent.effect.key)) return false
  if (!isWatchKnown(state, intent)) return false
  const session = state.sessions.get(intent.principal.sessionId)
  if (session === undefined || session.validUntilMs <= nowMs) return false
  // Where others hold leases, a call must not be refused before they were asked for them.
  return session.budgets.every((budget) => budget.leasedByOthers === 0n)
}

/** True when nothing has to be read to write what became of the call. */
export function isCallKnown(state: RecorderState, call: OpenCall): boolean {
  if (!state.sessions.has(call.sessionId) || call.hasMoney === true) return false
  return call.ledgerIds === undefined || call.ledgerIds.every((id) => state.ledgers.has(id))
}

/** Reads what the items need and is not known. Must be called while the head's lock is held. */
export async function loadItems(options: {
  scope: Scope
  state: RecorderState
  items: readonly Item[]
  openCalls: ReadonlyMap<string, OpenCall>
  nowMs: number
}): Promise<Loaded> {
  const { scope, state, items, openCalls, nowMs } = options
  const resumed = items.flatMap((item) => {
    if (item.kind !== 'intent' || item.intent.resume === undefined) return []
    return [{ callId: item.intent.callId, round: item.intent.resume.round }]
  })
  const heldIds = resumed.length > 0 ? await loadHeldIds(scope, resumed) : new Set<string>()
  const unknownIds = items
    .filter((item) => item.kind === 'outcome')
    .map((item) => item.outcome.callId)
    .filter((callId) => !openCalls.has(callId))
  const calls =
    unknownIds.length > 0 ? await loadCalls(scope, unknownIds) : new Map<string, OpenCall>()
  const sessionIds = new Set<string>()
  const apiKeyIds = new Set<string>()
  const effectKeys = new Set<string>()
  const ledgerIds = new Set<string>()
  const ending: OpenCall[] = []
  for (const item of items) {
    if (item.kind === 'intent') {
      sessionIds.add(item.intent.principal.sessionId)
      apiKeyIds.add(item.intent.principal.apiKeyId)
      if (item.intent.effect) effectKeys.add(item.intent.effect.key)
    } else {
      const call = openCalls.get(item.outcome.callId) ?? calls.get(item.outcome.callId)
      if (call === undefined) continue
      sessionIds.add(call.sessionId)
      ending.push(call)
      for (const id of call.ledgerIds ?? []) ledgerIds.add(id)
    }
  }
  await loadState(state, scope, { sessionIds, apiKeyIds, effectKeys })
  await loadPolicyLedgers(state, scope, { sessionIds, ledgerIds, nowMs })
  const intents = items.flatMap((item) => (item.kind === 'intent' ? [item.intent] : []))
  await loadTouching(state, scope, intents)
  await loadMoney(state, scope, { intents, ending, nowMs })
  await loadWatches(state, scope, intents)
  return { calls, heldIds, replaceable: await loadReplaceable(scope, intents) }
}

/** Calls that this process did not open, or opened on a connection that is gone. */
async function loadCalls(scope: Scope, ids: string[]): Promise<Map<string, OpenCall>> {
  const found = await scope.client.query<{
    call_id: string
    session_id: string
    agent_id: string
    version_id: string
    pact_id: string
    kind: 'model' | 'tool' | 'undo'
    action: string
    state: string
    reserved: string[]
    ledgers: string[] | null
    detail: unknown
    effect_id: string | null
    effect_key: string | null
    effect_class: string | null
    run_name: string | null
    has_money: boolean
  }>(
    `SELECT c.call_id, c.session_id, c.agent_id, c.version_id, c.pact_id, c.kind, c.action,
      c.state, c.reserved, c.effect_id, c.ledgers, c.detail,
      e.effect_key, e.effect_class, (SELECT r.name FROM airworthy.run_steps s
        JOIN airworthy.runs r USING (organisation_id, run_id)
        WHERE s.organisation_id = c.organisation_id AND s.call_id = c.call_id
          AND r.name <> '' LIMIT 1) AS run_name,
      EXISTS (SELECT FROM airworthy.money_reservations m
        WHERE m.organisation_id = c.organisation_id AND m.call_id = c.call_id)
      OR EXISTS (SELECT FROM airworthy.money_authorisations a
        WHERE a.organisation_id = c.organisation_id AND a.closing_call = c.call_id
          AND a.state = 'closing') AS has_money
    FROM airworthy.calls c LEFT JOIN airworthy.effects e
      ON e.organisation_id = c.organisation_id AND e.effect_id = c.effect_id
    WHERE c.organisation_id = $1 AND c.call_id = ANY($2::uuid[])
      AND c.state IN ('executing', 'unknown')`,
    [scope.organisationId, ids],
  )
  return new Map(
    found.rows.map((row) => [
      row.call_id,
      {
        callId: row.call_id,
        sessionId: row.session_id,
        agentId: row.agent_id,
        versionId: row.version_id,
        pactId: row.pact_id,
        kind: row.kind,
        action: row.action,
        isWrite: row.kind === 'tool' && row.effect_class !== null && row.effect_class !== 'read',
        held: amountsOf(row.reserved),
        ledgerIds: row.ledgers ?? undefined,
        settledBefore: settledBeforeOf(row.detail),
        bucket: row.state === 'unknown' ? 'unknown' : 'reserved',
        effectId: row.effect_id ?? undefined,
        effectKey: row.effect_key ?? undefined,
        runName: row.run_name ?? undefined,
        hasMoney: row.has_money,
      } as const,
    ]),
  )
}

/**
 * Which of these calls are held, and decided in this round of their question: only those may be
 * resumed, and only once.
 */
async function loadHeldIds(
  scope: Scope,
  resumed: readonly { readonly callId: string; readonly round: number }[],
): Promise<Set<string>> {
  const found = await scope.client.query<{ call_id: string }>(
    `SELECT c.call_id FROM unnest($2::uuid[], $3::int[]) AS r(call_id, round)
    JOIN airworthy.calls c ON c.organisation_id = $1 AND c.call_id = r.call_id AND c.state = 'held'
    JOIN airworthy.holds h ON h.organisation_id = $1 AND h.call_id = r.call_id
      AND h.round = r.round AND h.state IN ('approving', 'deferred')`,
    [scope.organisationId, resumed.map((each) => each.callId), resumed.map((each) => each.round)],
  )
  return new Set(found.rows.map((row) => row.call_id))
}
