// Effects that block their key, and those of them whose outcome is not known.
import type { OrganisationId } from '../core/ids.ts'
import { sql } from 'kysely'
import type { Database } from './database.ts'

export type UnknownEffect = {
  readonly effectId: string
  readonly callId: string
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
    sessionId: row.session_id,
    pactId: row.pact_id,
    action: row.action,
    effectKey: row.effect_key,
    endUser: row.end_user,
    ageMs: Number(row.age),
  }
}

export async function listUnknownEffectIds(
  db: Database,
  organisationId: OrganisationId,
  page: { after: string | undefined; limit: number },
): Promise<string[]> {
  let query = db
    .selectFrom('airworthy.effects')
    .select('effect_id')
    .where('organisation_id', '=', organisationId)
    .where('state', '=', 'unknown')
  if (page.after !== undefined) query = query.where('effect_id', '>', page.after)
  const rows = await query.orderBy('effect_id').limit(page.limit).execute()
  return rows.map((row) => row.effect_id)
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
