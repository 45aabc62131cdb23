// How replicas keep their indexes in step: the changes of an agent's entries, in the order of their
// commits.
import { sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'

export type CacheChange = {
  readonly entryId: string
  readonly change: bigint
  /** Undefined where the entry is gone, or has none. */
  readonly added:
    | {
        readonly partition: Buffer
        readonly make: string
        readonly sealedVector: Buffer
        readonly wrappedKey: Buffer
      }
    | undefined
}

/** The number of the last change of the agent's entries; 0 where there was none. */
export async function readLastChange(
  db: Database,
  organisationId: OrganisationId,
  agentId: string,
): Promise<bigint> {
  const row = await db
    .selectFrom('airworthy.cache_agents')
    .select('last_change')
    .where('organisation_id', '=', organisationId)
    .where('agent_id', '=', agentId)
    .executeTakeFirst()
  return BigInt(row?.last_change ?? 0)
}

/** Changes after one, at most `limit`; all entries of a change have its number. */
export async function readChanges(
  db: Database,
  organisationId: OrganisationId,
  of: {
    readonly agentId: string
    /** The last change that is known, and the last entry of it. */
    readonly after: { readonly change: bigint; readonly entryId: string }
    readonly limit: number
  },
): Promise<CacheChange[]> {
  const { agentId, after, limit } = of
  const found = await sql<{
    entry_id: string
    change: string
    partition: Buffer | null
    make: string | null
    sealed_vector: Buffer | null
    wrapped_key: Buffer | null
  }>`SELECT e.entry_id, e.change, e.partition, e.make, e.sealed_vector, k.wrapped_key
    FROM airworthy.cache_entries e
    LEFT JOIN airworthy.subject_keys k ON k.organisation_id = e.organisation_id
      AND k.subject_id = e.subject_id AND k.destroyed_at IS NULL
    WHERE e.organisation_id = ${organisationId} AND e.agent_id = ${agentId}
      AND (e.change, e.entry_id) > (${after.change.toString()}::bigint, ${after.entryId}::uuid)
      AND (e.partition IS NOT NULL)
    ORDER BY e.change, e.entry_id LIMIT ${limit}`.execute(db)
  return found.rows.map((row) => {
    const { partition, make, sealed_vector: sealedVector, wrapped_key: wrappedKey } = row
    const isThere =
      partition !== null && make !== null && sealedVector !== null && wrappedKey !== null
    return {
      entryId: row.entry_id,
      change: BigInt(row.change),
      added: isThere ? { partition, make, sealedVector, wrappedKey } : undefined,
    }
  })
}
