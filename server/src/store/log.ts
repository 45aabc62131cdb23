// Appends to the log inside a transaction of the control API. Whoever writes an entry holds the
// lock of the log's head, so entries are numbered without gaps; the gateway's recorder takes the
// same lock, and sees from the head's size that somebody else wrote.
import { type Kysely, sql } from 'kysely'
import { buildEntry, type EntryDraft, noEntry } from '../core/audit/entry.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { Schema } from './schema.ts'

export type AppendedEntry = {
  readonly logId: bigint
  readonly seq: bigint
  readonly hash: Buffer
  readonly atMs: number
}

/**
 * Appends one entry for each draft. Call it inside a transaction, before other rows are locked:
 * the head is the organisation's one serialisation point, and locking it first rules out deadlock.
 * Every change of agents, keys, sessions, budgets, effects and holds must append at least one
 * entry in the same transaction: gateways trust their caches for as long as the head stands still.
 */
export async function appendEntries(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  drafts: readonly EntryDraft[],
): Promise<AppendedEntry[]> {
  const head = await lockLog(tx, organisationId)
  const appended: AppendedEntry[] = []
  const agents = await readAgentHeads(tx, organisationId, head.logId, drafts)
  let seq = head.size
  for (const draft of drafts) {
    const agent = agents.get(draft.agentId) ?? { number: 0n, hash: noEntry }
    const number = agent.number + 1n
    const entry = buildEntry(draft, { number, previous: agent.hash, atMs: head.nowMs })
    agents.set(draft.agentId, { number, hash: entry.hash })
    await sql`INSERT INTO airworthy.entries (organisation_id, log_id, seq, entry)
      VALUES (${organisationId}, ${head.logId}, ${seq}, ${entry.bytes})`.execute(tx)
    await sql`INSERT INTO airworthy.agent_heads (organisation_id, log_id, agent_id, number, last_hash)
      VALUES (${organisationId}, ${head.logId}, ${draft.agentId}, ${number}, ${entry.hash})
      ON CONFLICT (organisation_id, log_id, agent_id)
      DO UPDATE SET number = excluded.number, last_hash = excluded.last_hash`.execute(tx)
    appended.push({ logId: head.logId, seq, hash: entry.hash, atMs: head.nowMs })
    seq += 1n
  }
  await sql`UPDATE airworthy.logs SET size = ${seq}
    WHERE organisation_id = ${organisationId} AND log_id = ${head.logId}`.execute(tx)
  return appended
}

/** Locks the head of the open log until the transaction ends. */
export async function lockLog(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<{ logId: bigint; size: bigint; nowMs: number }> {
  const found = await sql<{ log_id: string; size: string; now_ms: string }>`
    SELECT log_id, size, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms
    FROM airworthy.logs WHERE organisation_id = ${organisationId} AND is_open
    ORDER BY log_id DESC LIMIT 1 FOR UPDATE`.execute(tx)
  const row = found.rows[0]
  if (row === undefined) throw new Error(`organisation ${organisationId} has no open log`)
  return { logId: BigInt(row.log_id), size: BigInt(row.size), nowMs: Number(row.now_ms) }
}

async function readAgentHeads(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  logId: bigint,
  drafts: readonly EntryDraft[],
): Promise<Map<string, { number: bigint; hash: Buffer }>> {
  const ids = [...new Set(drafts.map((draft) => draft.agentId))]
  const found = await sql<{ agent_id: string; number: string; last_hash: Buffer }>`
    SELECT agent_id, number, last_hash FROM airworthy.agent_heads
    WHERE organisation_id = ${organisationId} AND log_id = ${logId}
      AND agent_id = ANY(${ids}::uuid[])`.execute(tx)
  return new Map(
    found.rows.map((row) => [row.agent_id, { number: BigInt(row.number), hash: row.last_hash }]),
  )
}
