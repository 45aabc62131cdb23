// Triggers that were met long ago, and what agents were not seen with for long: forgotten a bounded
// number at a time. The log has the entries of both.
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { encountersKeptDays, firingsKeptDays } from '../../core/escalation/kept.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Schema } from '../schema/schema.ts'

/** How many rows were forgotten: at most `limit` of each table. */
export async function forgetEscalation(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  limit: number,
): Promise<number> {
  const firings = await sql`DELETE FROM airworthy.escalation_firings f
    USING (SELECT call_id, trigger FROM airworthy.escalation_firings
      WHERE organisation_id = ${organisationId} AND at < ${before(firingsKeptDays)}
      ORDER BY at LIMIT ${limit}) AS old
    WHERE f.organisation_id = ${organisationId} AND f.call_id = old.call_id
      AND f.trigger = old.trigger`.execute(db)
  // The time is asked again of each row: an agent may be seen with it at this moment.
  const encounters = await sql`DELETE FROM airworthy.agent_encounters e
    USING (SELECT agent_id, kind, digest FROM airworthy.agent_encounters
      WHERE organisation_id = ${organisationId} AND at < ${before(encountersKeptDays)}
      ORDER BY at LIMIT ${limit}) AS old
    WHERE e.organisation_id = ${organisationId} AND e.agent_id = old.agent_id
      AND e.kind = old.kind AND e.digest = old.digest
      AND e.at < ${before(encountersKeptDays)}`.execute(db)
  return Number(firings.numAffectedRows ?? 0) + Number(encounters.numAffectedRows ?? 0)
}

/** The time of the statement, so that an index finds what is older. */
function before(days: number): RawBuilder<Date> {
  return sql`now() - make_interval(days => ${days})`
}
