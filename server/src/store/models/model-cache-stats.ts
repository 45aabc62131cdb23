// What the caches hold, for operators; and emptying them.
import { type RawBuilder, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { appendEntries } from '../log/log.ts'
import { dropEntries } from './model-cache.ts'
import { type StandingRow, standingRowOf } from './model-cache-evidence.ts'
import { runCommand } from '../transaction.ts'

export type CacheStatsRow = {
  readonly agentId: string
  readonly agentName: string
  readonly model: string
  readonly entries: number
  readonly bytes: string
  /** Given from those entries that are still there. */
  readonly hits: string
}

export async function readCacheStats(
  db: Database,
  organisationId: OrganisationId,
  agentId: string | undefined,
): Promise<{ readonly models: CacheStatsRow[]; readonly standings: StandingRow[] }> {
  const ofAgent = agentId === undefined ? sql`true` : sql`e.agent_id = ${agentId}`
  const models = await sql<CacheStatsRow>`SELECT e.agent_id AS "agentId", a.name AS "agentName",
      e.model, count(*)::integer AS entries, sum(e.bytes)::text AS bytes, sum(e.hits)::text AS hits
    FROM airworthy.cache_entries e JOIN airworthy.agents a USING (organisation_id, agent_id)
    WHERE e.organisation_id = ${organisationId} AND ${ofAgent} AND e.removed_at IS NULL
      AND e.expires_at > clock_timestamp()
    GROUP BY e.agent_id, a.name, e.model ORDER BY a.name, e.model`.execute(db)
  const standings = await sql<Parameters<typeof standingRowOf>[0]>`SELECT e.*
    FROM airworthy.cache_standings e WHERE e.organisation_id = ${organisationId} AND ${ofAgent}
    ORDER BY e.agent_id, e.model, e.make`.execute(db)
  return { models: models.rows, standings: standings.rows.map(standingRowOf) }
}

/** Empties an agent's cache, or that of one of its models. Gives how many replies went. */
export function purgeCache(
  db: Database,
  organisationId: OrganisationId,
  purge: {
    readonly agentId: string
    readonly model: string | undefined
    readonly operatorId: string
  },
): Promise<number> {
  return runCommand(db, organisationId, async (tx) => {
    const { agentId, model, operatorId } = purge
    const condition: RawBuilder<unknown> = model === undefined ? sql`true` : sql`e.model = ${model}`
    const entries = await dropEntries(tx, organisationId, { agentId, condition })
    const body = { entries, model: model?.slice(0, 64), operator: operatorId }
    await appendEntries(tx, organisationId, [{ type: 'cache.purged', agentId, body }])
    return entries
  })
}
