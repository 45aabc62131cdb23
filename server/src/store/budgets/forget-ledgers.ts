// Ledgers of policies whose window is over, or whose policy is gone: forgotten once nothing is open
// in them, a bounded number at a time.
import { type Kysely, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

/** How many ledgers were forgotten: at most `limit`. */
export async function forgetLedgers(
  db: Database,
  organisationId: OrganisationId,
  options: { readonly keptMs: number; readonly limit: number },
): Promise<number> {
  const ids = await findOver(db, organisationId, options)
  if (ids.length === 0) return 0
  return runCommand(db, organisationId, async (tx) => {
    const forgotten = await sql`DELETE FROM airworthy.ledgers
      WHERE organisation_id = ${organisationId} AND scope_id = ANY(${ids}::uuid[])
        AND 0 = ALL (reserved) AND 0 = ALL (unknown)`.execute(tx)
    // Under the head's lock a replica that lives has spent nothing of its lease.
    await sql`DELETE FROM airworthy.leases l
      WHERE l.organisation_id = ${organisationId} AND l.scope_id = ANY(${ids}::uuid[])
        AND NOT EXISTS (SELECT FROM airworthy.ledgers b
          WHERE b.organisation_id = l.organisation_id AND b.scope_id = l.scope_id)`.execute(tx)
    await sql`DELETE FROM airworthy.budget_policies p
      WHERE p.organisation_id = ${organisationId} AND p.state = 'removed'
        AND NOT EXISTS (SELECT FROM airworthy.ledgers b
          WHERE b.organisation_id = p.organisation_id
            AND b.policy_id = p.policy_id)`.execute(tx)
    const count = Number(forgotten.numAffectedRows ?? 0)
    await appendEntries(tx, organisationId, [
      { type: 'budget.forgotten', agentId: organisationId, body: { ledgers: count } },
    ])
    return count
  })
}

async function findOver(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  { keptMs, limit }: { keptMs: number; limit: number },
): Promise<string[]> {
  const since = sql`clock_timestamp() - ${keptMs} * interval '1 millisecond'`
  const found = await sql<{ scope_id: string }>`
    (SELECT b.scope_id FROM airworthy.ledgers b
      WHERE b.organisation_id = ${organisationId} AND b.window_end < ${since}
        AND 0 = ALL (b.reserved) AND 0 = ALL (b.unknown)
      ORDER BY b.window_end LIMIT ${limit})
    UNION
    (SELECT b.scope_id FROM airworthy.budget_policies p JOIN airworthy.ledgers b
        ON b.organisation_id = p.organisation_id AND b.policy_id = p.policy_id
      WHERE p.organisation_id = ${organisationId} AND p.changed_at < ${since}
        AND (p.state = 'removed' OR b.generation <=
          coalesce((p.former->0->>'generation')::integer, -1))
        AND 0 = ALL (b.reserved) AND 0 = ALL (b.unknown)
      LIMIT ${limit})
    LIMIT ${limit}`.execute(db)
  return found.rows.map((row) => row.scope_id)
}
