// Effects that block their key, and those of them whose outcome is not known.
import type { OrganisationId } from '../../core/ids.ts'
import { sql } from 'kysely'
import type { Database } from '../database.ts'

export type UnknownEffect = {
  readonly effectId: string
  readonly callId: string
  readonly agentId: string
  readonly versionId: string
  readonly sessionId: string
  readonly pactId: string
  readonly action: string
  readonly effectKey: string
  readonly endUser: string
  /** Since its intent, by the database's clock. */
  readonly ageMs: number
}

export async function findUnknownEffect(
  db: Database,
  organisationId: OrganisationId,
  effectId: string,
): Promise<UnknownEffect | undefined> {
  const row = await db
    .selectFrom('airworthy.effects as e')
    .innerJoin('airworthy.calls as c', (join) =>
      join
        .onRef('c.organisation_id', '=', 'e.organisation_id')
        .onRef('c.call_id', '=', 'e.call_id'),
    )
    .innerJoin('airworthy.sessions as s', (join) =>
      join
        .onRef('s.organisation_id', '=', 'e.organisation_id')
        .onRef('s.session_id', '=', 'e.session_id'),
    )
    .select([
      'e.effect_id',
      'e.call_id',
      'e.session_id',
      'e.agent_id',
      'c.version_id',
      'c.pact_id',
      'e.action',
      'e.effect_key',
      's.end_user',
      sql<string>`(extract(epoch FROM clock_timestamp() - e.dispatched_at) * 1000)::bigint`.as(
        'age',
      ),
    ])
    .where('e.organisation_id', '=', organisationId)
    .where('e.effect_id', '=', effectId)
    .where('e.state', '=', 'unknown')
    .executeTakeFirst()
  if (row === undefined) return undefined
  return {
    effectId: row.effect_id,
    callId: row.call_id,
    agentId: row.agent_id,
    versionId: row.version_id,
    sessionId: row.session_id,
    pactId: row.pact_id,
    action: row.action,
    effectKey: row.effect_key,
    endUser: row.end_user,
    ageMs: Number(row.age),
  }
}

export type UnknownUndo = {
  readonly effectId: string
  /** The call that made the effect. */
  readonly callId: string
  readonly undoCallId: string
  readonly agentId: string
  readonly versionId: string
  readonly sessionId: string
  readonly pactId: string
  readonly action: string
  readonly effectKey: string
  /** Since the intent of the undo, by the database's clock. */
  readonly ageMs: number
}

/** An effect whose undo ended in a way that nobody knows. */
export async function findUnknownUndo(
  db: Database,
  organisationId: OrganisationId,
  effectId: string,
): Promise<UnknownUndo | undefined> {
  const row = await db
    .selectFrom('airworthy.effects as e')
    .innerJoin('airworthy.calls as u', (join) =>
      join
        .onRef('u.organisation_id', '=', 'e.organisation_id')
        .onRef('u.call_id', '=', 'e.undo_call_id'),
    )
    .select(['e.effect_id', 'e.call_id', 'e.session_id', 'e.action', 'e.effect_key'])
    .select(['u.call_id as undo_call_id', 'u.pact_id', 'u.agent_id', 'u.version_id'])
    .select(
      sql<string>`(extract(epoch FROM clock_timestamp() - u.created_at) * 1000)::bigint`.as('age'),
    )
    .where('e.organisation_id', '=', organisationId)
    .where('e.effect_id', '=', effectId)
    .where('e.state', '=', 'undoing')
    .where('u.state', '=', 'unknown')
    .executeTakeFirst()
  if (row === undefined) return undefined
  return {
    effectId: row.effect_id,
    callId: row.call_id,
    undoCallId: row.undo_call_id,
    agentId: row.agent_id,
    versionId: row.version_id,
    sessionId: row.session_id,
    pactId: row.pact_id,
    action: row.action,
    effectKey: row.effect_key,
    ageMs: Number(row.age),
  }
}

/** Effects that are unknown, or whose undo is, in the order of their ids. */
export async function listUnknownEffectIds(
  db: Database,
  organisationId: OrganisationId,
  page: { after: string | undefined; limit: number },
): Promise<string[]> {
  const after = page.after ?? '00000000-0000-0000-0000-000000000000'
  // Two queries in one, because each has an index of its own.
  const found = await sql<{ effect_id: string }>`
    SELECT effect_id FROM airworthy.effects
    WHERE organisation_id = ${organisationId} AND state = 'unknown' AND effect_id > ${after}
    UNION ALL
    SELECT e.effect_id FROM airworthy.effects e
    JOIN airworthy.calls u ON u.organisation_id = e.organisation_id AND u.call_id = e.undo_call_id
    WHERE e.organisation_id = ${organisationId} AND e.state = 'undoing' AND u.state = 'unknown'
      AND e.effect_id > ${after}
    ORDER BY effect_id LIMIT ${page.limit}`.execute(db)
  return found.rows.map((row) => row.effect_id)
}

/** A hint, read without the lock: whether an effect with this key is done, held or under way. */
export async function hasLiveEffect(
  db: Database,
  organisationId: OrganisationId,
  effectKey: string,
): Promise<boolean> {
  const row = await db
    .selectFrom('airworthy.effects')
    .select('effect_id')
    .where('organisation_id', '=', organisationId)
    .where('effect_key', '=', effectKey)
    .where('is_live', '=', true)
    .executeTakeFirst()
  return row !== undefined
}
