// Cached replies of models: found by their keys, written, and taken away. What is sealed can be opened
// only while the key of the person it speaks of exists.
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import type { SealedPayload } from '../recorder/types.ts'
import type { Schema } from '../schema/schema.ts'

/** For so long other replicas can hear that an entry is gone; then they load the index anew. */
export const removedKeptMs = 3_600_000

export type CachedEntry = {
  readonly entryId: string
  readonly callId: string
  readonly sealed: Buffer
  readonly wrappedKey: Buffer
}

export type NewEntry = {
  readonly entryId: string
  readonly model: string
  readonly key: Buffer
  readonly callId: string
  readonly content: SealedPayload
  readonly ttlMs: number
  readonly semantic:
    | { readonly partition: Buffer; readonly make: string; readonly vector: Buffer }
    | undefined
}

/** The limits of an agent's entries together. */
export type CacheLimits = { readonly entriesMax: number; readonly bytesMax: number }

/** The reply to exactly this request; undefined where there is none, or it is too old or erased. */
export async function findByKey(
  db: Database,
  organisationId: OrganisationId,
  of: { readonly agentId: string; readonly key: Buffer },
): Promise<CachedEntry | undefined> {
  const condition = sql`e.agent_id = ${of.agentId} AND e.key = ${of.key}`
  return (await readEntries(db, organisationId, condition))[0]
}

/** Those of these entries that still may be given. */
export function findByIds(
  db: Database,
  organisationId: OrganisationId,
  entryIds: readonly string[],
): Promise<CachedEntry[]> {
  return readEntries(db, organisationId, sql`e.entry_id = ANY(${entryIds}::uuid[])`)
}

async function readEntries(
  db: Database,
  organisationId: OrganisationId,
  condition: RawBuilder<unknown>,
): Promise<CachedEntry[]> {
  const found = await sql<{
    entry_id: string
    call_id: string
    sealed: Buffer
    wrapped_key: Buffer
  }>`SELECT e.entry_id, e.call_id, e.sealed, k.wrapped_key
    FROM airworthy.cache_entries e
    JOIN airworthy.subject_keys k USING (organisation_id, subject_id)
    WHERE e.organisation_id = ${organisationId} AND (${condition}) AND e.removed_at IS NULL
      AND e.expires_at > clock_timestamp() AND k.destroyed_at IS NULL`.execute(db)
  return found.rows.map((row) => ({
    entryId: row.entry_id,
    callId: row.call_id,
    sealed: row.sealed,
    wrappedKey: row.wrapped_key,
  }))
}

/** Takes the place of a reply to the same request; what passes the limits goes, the least used first. */
export async function writeEntries(
  db: Database,
  organisationId: OrganisationId,
  written: {
    readonly agentId: string
    readonly entries: readonly NewEntry[]
    readonly limits: CacheLimits
  },
): Promise<void> {
  const { agentId, entries, limits } = written
  await db.transaction().execute(async (tx) => {
    const change = await nextChange(tx, organisationId, agentId)
    const at = { agentId, change }
    const keys = entries.map((entry) => entry.key)
    await removeEntries(tx, organisationId, {
      ...at,
      condition: sql`e.key = ANY(${keys}::bytea[])`,
    })
    let bytes = 0
    for (const entry of entries) {
      const size = entry.content.sealed.length + (entry.semantic?.vector.length ?? 0)
      bytes += size
      await insertEntry(tx, organisationId, { ...at, entry, size })
    }
    await sql`UPDATE airworthy.cache_agents
      SET entries = entries + ${entries.length}, bytes = bytes + ${bytes}
      WHERE organisation_id = ${organisationId} AND agent_id = ${agentId}`.execute(tx)
    await evict(tx, organisationId, { ...at, limits })
  })
}

async function insertEntry(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: {
    readonly agentId: string
    readonly change: string
    readonly entry: NewEntry
    readonly size: number
  },
): Promise<void> {
  const { entry } = of
  await sql`INSERT INTO airworthy.cache_entries (organisation_id, entry_id, agent_id, change, model,
      key, partition, make, call_id, subject_id, sealed, sealed_vector, bytes, expires_at)
    VALUES (${organisationId}, ${entry.entryId}, ${of.agentId}, ${of.change}, ${entry.model},
      ${entry.key}, ${entry.semantic?.partition ?? null}, ${entry.semantic?.make ?? null},
      ${entry.callId}, ${entry.content.subjectId}, ${entry.content.sealed},
      ${entry.semantic?.vector ?? null}, ${of.size},
      clock_timestamp() + make_interval(secs => ${entry.ttlMs / 1000}))`.execute(tx)
}

/** The number of a change of the agent's entries. The agent's row stays locked until the commit. */
async function nextChange(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  agentId: string,
): Promise<string> {
  const made = await sql<{ last_change: string }>`INSERT INTO airworthy.cache_agents AS a
      (organisation_id, agent_id, last_change) VALUES (${organisationId}, ${agentId}, 1)
    ON CONFLICT (organisation_id, agent_id) DO UPDATE SET last_change = a.last_change + 1
    RETURNING last_change`.execute(tx)
  const change = made.rows[0]?.last_change
  if (change === undefined) throw new Error('a change of the cache got no number')
  return change
}

type Removal = {
  readonly agentId: string
  readonly change: string
  /** May speak of the entries as `e`. */
  readonly condition: RawBuilder<unknown>
}

/** Empties entries; their rows stay for a while. Gives how many. */
async function removeEntries(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  { agentId, change, condition }: Removal,
): Promise<number> {
  const removed = await sql<{ count: string }>`WITH gone AS (
      UPDATE airworthy.cache_entries e
      SET removed_at = clock_timestamp(), sealed = '', sealed_vector = NULL, change = ${change}
      WHERE e.organisation_id = ${organisationId} AND e.agent_id = ${agentId}
        AND e.removed_at IS NULL AND (${condition})
      RETURNING bytes
    ), sums AS (SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM gone)
    UPDATE airworthy.cache_agents a SET entries = a.entries - s.count, bytes = a.bytes - s.bytes
    FROM sums s WHERE a.organisation_id = ${organisationId} AND a.agent_id = ${agentId}
    RETURNING s.count`.execute(tx)
  return Number(removed.rows[0]?.count ?? 0)
}

async function evict(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly agentId: string; readonly change: string; readonly limits: CacheLimits },
): Promise<void> {
  const { agentId, limits } = of
  const held = await sql<{ entries: number; bytes: string }>`SELECT entries, bytes
    FROM airworthy.cache_agents
    WHERE organisation_id = ${organisationId} AND agent_id = ${agentId}`.execute(tx)
  const [row] = held.rows
  if (row === undefined) return
  const isOver = row.entries > limits.entriesMax || Number(row.bytes) > limits.bytesMax
  if (!isOver) return
  // What stays is the newest used, as far as the limits go.
  const condition = sql`e.entry_id IN (
    SELECT o.entry_id FROM (
      SELECT entry_id, row_number() OVER w AS place, sum(bytes) OVER w AS total
      FROM airworthy.cache_entries
      WHERE organisation_id = ${organisationId} AND agent_id = ${agentId} AND removed_at IS NULL
      WINDOW w AS (ORDER BY used_at DESC, entry_id DESC)
    ) o WHERE o.place > ${limits.entriesMax} OR o.total > ${limits.bytesMax})`
  await removeEntries(tx, organisationId, { ...of, condition })
}

/** Says that entries were given: the least recently used go first. */
export async function touchEntries(
  db: Database,
  organisationId: OrganisationId,
  touched: { readonly agentId: string; readonly hits: ReadonlyMap<string, number> },
): Promise<void> {
  const ids = [...touched.hits.keys()]
  const counts = [...touched.hits.values()]
  await db.transaction().execute(async (tx) => {
    // In the order of all that change entries, so that none waits for another in a circle.
    await sql`SELECT 1 FROM airworthy.cache_agents
      WHERE organisation_id = ${organisationId} AND agent_id = ${touched.agentId}
      FOR UPDATE`.execute(tx)
    await sql`UPDATE airworthy.cache_entries e
      SET used_at = clock_timestamp(), hits = e.hits + t.hits
      FROM unnest(${ids}::uuid[], ${counts}::bigint[]) AS t(entry_id, hits)
      WHERE e.organisation_id = ${organisationId} AND e.entry_id = t.entry_id`.execute(tx)
  })
}

/** Takes entries of one agent away; call it inside a transaction. Gives how many. */
export async function dropEntries(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly agentId: string; readonly condition: RawBuilder<unknown> },
): Promise<number> {
  const change = await nextChange(tx, organisationId, of.agentId)
  return removeEntries(tx, organisationId, { ...of, change })
}

/** Takes away what speaks of erased subjects. Call it inside the command that destroys their keys. */
export async function dropEntriesOf(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  subjectIds: readonly Buffer[],
): Promise<void> {
  const condition = sql`e.subject_id = ANY(${subjectIds}::bytea[])`
  await dropMatching(tx, organisationId, condition)
}

async function dropMatching(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  condition: RawBuilder<unknown>,
): Promise<number> {
  const agents = await sql<{ agent_id: string }>`SELECT DISTINCT e.agent_id
    FROM airworthy.cache_entries e
    WHERE e.organisation_id = ${organisationId} AND e.removed_at IS NULL AND (${condition})
    ORDER BY e.agent_id`.execute(tx)
  let dropped = 0
  for (const { agent_id: agentId } of agents.rows) {
    dropped += await dropEntries(tx, organisationId, { agentId, condition })
  }
  return dropped
}

const expiredMax = 5_000

/**
 * Empties what is past its time, what outlived the retention of payloads, and what a gateway wrote
 * under a key that was just destroyed; forgets what is long gone. Gives whether there may be more.
 */
export async function expireEntries(
  db: Database,
  organisationId: OrganisationId,
  retentionDays: number,
): Promise<boolean> {
  const past = sql`e.entry_id IN (SELECT o.entry_id FROM airworthy.cache_entries o
    WHERE o.organisation_id = ${organisationId} AND o.removed_at IS NULL
      AND (o.expires_at <= clock_timestamp()
        OR o.created_at <= clock_timestamp() - make_interval(days => ${retentionDays})
        OR o.subject_id IN (SELECT unnest(r.subject_ids) FROM airworthy.erasures r
          WHERE r.organisation_id = ${organisationId}
            AND r.requested_at > clock_timestamp() - interval '1 day'))
    LIMIT ${expiredMax})`
  const dropped = await db.transaction().execute((tx) => dropMatching(tx, organisationId, past))
  await sql`DELETE FROM airworthy.cache_entries
    WHERE organisation_id = ${organisationId}
      AND removed_at < clock_timestamp() - make_interval(secs => ${removedKeptMs / 1000})`.execute(
    db,
  )
  return dropped >= expiredMax
}
