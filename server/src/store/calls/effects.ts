// What tool calls did to the world.
import type { Kysely } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Schema } from '../schema/schema.ts'

export type EffectRow = {
  readonly effectId: string
  readonly callId: string
  readonly sessionId: string
  readonly agentId: string
  readonly action: string
  readonly effectClass: string
  readonly effectKey: string
  readonly state: string
  readonly amountMinor: string | null
  readonly currency: string | null
  readonly createdAt: Date
  readonly settledAt: Date | null
  readonly undoCallId: string | null
}

function selectEffects(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.effects')
    .selectAll()
    .where('organisation_id', '=', organisationId)
}

type SelectedEffect = Awaited<ReturnType<ReturnType<typeof selectEffects>['execute']>>[number]

function effectOf(row: SelectedEffect): EffectRow {
  return {
    effectId: row.effect_id,
    callId: row.call_id,
    sessionId: row.session_id,
    agentId: row.agent_id,
    action: row.action,
    effectClass: row.effect_class,
    effectKey: row.effect_key,
    state: row.state,
    amountMinor: row.amount_minor,
    currency: row.currency,
    createdAt: row.created_at,
    settledAt: row.settled_at,
    undoCallId: row.undo_call_id,
  }
}

export async function findEffect(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  effectId: string,
): Promise<EffectRow | undefined> {
  const row = await selectEffects(db, organisationId)
    .where('effect_id', '=', effectId)
    .executeTakeFirst()
  return row === undefined ? undefined : effectOf(row)
}

/** Effects in the order of their ids, after the given one. */
export async function listEffects(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: {
    readonly state?: string | undefined
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<EffectRow[]> {
  let query = selectEffects(db, organisationId)
  if (page.state !== undefined) query = query.where('state', '=', page.state)
  if (page.after !== undefined) query = query.where('effect_id', '>', page.after)
  const rows = await query.orderBy('effect_id').limit(page.limit).execute()
  return rows.map(effectOf)
}

/** The effects of these calls; the caller bounds their number. */
export async function listEffectsOfCalls(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  callIds: readonly string[],
): Promise<EffectRow[]> {
  if (callIds.length === 0) return []
  const rows = await selectEffects(db, organisationId)
    .where('call_id', 'in', [...callIds])
    .orderBy('effect_id')
    .execute()
  return rows.map(effectOf)
}
