// Calls that wait for people.
import type { Kysely } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Schema } from '../schema/schema.ts'

export type HoldRow = {
  readonly holdId: string
  readonly callId: string
  readonly sessionId: string
  readonly agentName: string
  readonly action: string
  readonly state: string
  readonly reasons: unknown
  readonly effectClass: string | null
  readonly amountMinor: string | null
  readonly currency: string | null
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly decidedAt: Date | null
  readonly decidedBy: string | null
  /** The hold of the same call with other arguments, before and after an edit. */
  readonly replaces: string | null
  readonly replacedBy: string | null
}

function selectHolds(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.holds as h')
    .innerJoin('airworthy.agents as a', (join) =>
      join
        .onRef('a.organisation_id', '=', 'h.organisation_id')
        .onRef('a.agent_id', '=', 'h.agent_id'),
    )
    .innerJoin('airworthy.calls as c', (join) =>
      join
        .onRef('c.organisation_id', '=', 'h.organisation_id')
        .onRef('c.call_id', '=', 'h.call_id'),
    )
    .leftJoin('airworthy.effects as e', (join) =>
      join
        .onRef('e.organisation_id', '=', 'c.organisation_id')
        .onRef('e.effect_id', '=', 'c.effect_id'),
    )
    .select([
      'h.hold_id',
      'h.call_id',
      'h.session_id',
      'a.name',
      'h.action',
      'h.state',
      'c.reasons',
      'e.effect_class',
      'e.amount_minor',
      'e.currency',
      'h.created_at',
      'h.expires_at',
      'h.decided_at',
      'h.replaces_hold',
      'h.replaced_by',
    ])
    .select((select) =>
      select
        .selectFrom('airworthy.votes as vote')
        .innerJoin('airworthy.operators as o', (join) =>
          join
            .onRef('o.organisation_id', '=', 'vote.organisation_id')
            .onRef('o.operator_id', '=', 'vote.operator_id'),
        )
        .select('o.name')
        .whereRef('vote.organisation_id', '=', 'h.organisation_id')
        .whereRef('vote.hold_id', '=', 'h.hold_id')
        .orderBy('vote.cast_at', 'desc')
        .limit(1)
        .as('decided_by'),
    )
    .where('h.organisation_id', '=', organisationId)
}

type SelectedHold = Awaited<ReturnType<ReturnType<typeof selectHolds>['execute']>>[number]

function holdOf(row: SelectedHold): HoldRow {
  return {
    holdId: row.hold_id,
    callId: row.call_id,
    sessionId: row.session_id,
    agentName: row.name,
    action: row.action,
    state: row.state,
    reasons: row.reasons,
    effectClass: row.effect_class,
    amountMinor: row.amount_minor,
    currency: row.currency,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    decidedAt: row.decided_at,
    decidedBy: row.decided_by,
    replaces: row.replaces_hold,
    replacedBy: row.replaced_by,
  }
}

export async function findHold(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  holdId: string,
): Promise<HoldRow | undefined> {
  const row = await selectHolds(db, organisationId)
    .where('h.hold_id', '=', holdId)
    .executeTakeFirst()
  return row === undefined ? undefined : holdOf(row)
}

/** Holds in the order of their ids, after the given one. */
export async function listHolds(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: {
    readonly state?: string | undefined
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<HoldRow[]> {
  let query = selectHolds(db, organisationId)
  if (page.state !== undefined) query = query.where('h.state', '=', page.state)
  if (page.after !== undefined) query = query.where('h.hold_id', '>', page.after)
  const rows = await query.orderBy('h.hold_id').limit(page.limit).execute()
  return rows.map(holdOf)
}
