// Appends to the log inside a transaction of the control API. Whoever writes an entry holds the
// lock of the log's head, so entries are numbered without gaps; the gateway's recorder takes the
// same lock, and sees from the head's size that somebody else wrote.
import { type Kysely, sql } from 'kysely'
import { buildEntry, type EntryDraft, noEntry } from '../../core/audit/entry.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Schema } from '../schema/schema.ts'

export type AppendedEntry = {
  readonly logId: bigint
  readonly seq: bigint
  /** The leaf hash, base64url. */
  readonly hash: string
  readonly atMs: number
}

type AgentHead = { readonly number: bigint; readonly hash: string }

type Head = { readonly logId: bigint; readonly size: bigint; readonly nowMs: number }

/** What a transaction knows while it holds the lock: nobody else moves any of it. */
type Held = {
  readonly organisationId: OrganisationId
  head: Head
  readonly agents: Map<string, AgentHead>
}

const held = new WeakMap<Kysely<Schema>, Held>()

function heldBy(tx: Kysely<Schema>, organisationId: OrganisationId): Held | undefined {
  const known = held.get(tx)
  return known?.organisationId === organisationId ? known : undefined
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
  const known = heldBy(tx, organisationId)
  const appended: AppendedEntry[] = []
  const agents = await readAgentHeads(tx, organisationId, { logId: head.logId, drafts, known })
  const at = new Date(head.nowMs).toISOString()
  const written: Buffer[] = []
  for (const draft of drafts) {
    const agent = agents.get(draft.agentId) ?? { number: 0n, hash: noEntry }
    const number = agent.number + 1n
    const entry = buildEntry(draft, { number, previous: agent.hash, at })
    agents.set(draft.agentId, { number, hash: entry.hash })
    const seq = head.size + BigInt(written.length)
    appended.push({ logId: head.logId, seq, hash: entry.hash, atMs: head.nowMs })
    written.push(entry.bytes)
  }
  await writeEntries(tx, organisationId, { ...head, written, agents })
  if (known !== undefined) {
    known.head = { ...head, size: head.size + BigInt(written.length) }
    for (const [agentId, agent] of agents) known.agents.set(agentId, agent)
  }
  return appended
}

/** One statement, however many entries there are: whoever waits for the head waits for it. */
async function writeEntries(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  batch: {
    readonly logId: bigint
    readonly size: bigint
    readonly written: readonly Buffer[]
    readonly agents: ReadonlyMap<string, AgentHead>
  },
): Promise<void> {
  const { logId, size, written, agents } = batch
  const heads = [...agents].map(([agentId, { number, hash }]) => ({
    agentId,
    number: String(number),
    hash: Buffer.from(hash, 'base64url'),
  }))
  await sql`WITH entry AS (
    INSERT INTO airworthy.entries (organisation_id, log_id, seq, entry)
    SELECT ${organisationId}, ${logId}, ${size}::bigint + r.n - 1, r.entry
    FROM unnest(${[...written]}::bytea[]) WITH ORDINALITY AS r(entry, n)
  ), agent AS (
    INSERT INTO airworthy.agent_heads (organisation_id, log_id, agent_id, number, last_hash)
    SELECT ${organisationId}, ${logId}, r.agent_id, r.number, r.hash
    FROM unnest(${heads.map((head) => head.agentId)}::uuid[],
      ${heads.map((head) => head.number)}::bigint[],
      ${heads.map((head) => head.hash)}::bytea[]) AS r(agent_id, number, hash)
    ON CONFLICT (organisation_id, log_id, agent_id)
    DO UPDATE SET number = excluded.number, last_hash = excluded.last_hash
  )
  UPDATE airworthy.logs SET size = ${size + BigInt(written.length)}
    WHERE organisation_id = ${organisationId} AND log_id = ${logId}`.execute(tx)
}

/**
 * Locks the head of the open log until the transaction ends; where it has it, asks nothing: everybody
 * else waits for each statement of who has the lock. The time is that of the lock. A process that is
 * stopped meanwhile loses the lock after five seconds.
 */
export async function lockLog(tx: Kysely<Schema>, organisationId: OrganisationId): Promise<Head> {
  const known = heldBy(tx, organisationId)
  if (known !== undefined) return known.head
  const found = await sql<{ log_id: string; size: string; now_ms: string }>`
    SELECT log_id, size, set_config('idle_in_transaction_session_timeout', '5000', true),
      (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms
    FROM airworthy.logs WHERE organisation_id = ${organisationId} AND is_open
    ORDER BY log_id DESC LIMIT 1 FOR UPDATE`.execute(tx)
  const row = found.rows[0]
  // Between the last entry of a shard and the first of the next there is none.
  if (row === undefined) {
    throw new AirworthyError('log.unavailable', 'the log is being rotated: try again')
  }
  const head = { logId: BigInt(row.log_id), size: BigInt(row.size), nowMs: Number(row.now_ms) }
  if (tx.isTransaction) held.set(tx, { organisationId, head, agents: new Map() })
  return head
}

async function readAgentHeads(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: {
    readonly logId: bigint
    readonly drafts: readonly EntryDraft[]
    readonly known: Held | undefined
  },
): Promise<Map<string, AgentHead>> {
  const { logId, drafts, known } = of
  const all = new Set(drafts.map((draft) => draft.agentId))
  const had = [...all].flatMap((id) => {
    const agent = known?.agents.get(id)
    return agent === undefined ? [] : [[id, agent] as const]
  })
  const agents = new Map<string, AgentHead>(had)
  const ids = [...all].filter((id) => !agents.has(id))
  if (ids.length === 0) return agents
  const found = await sql<{ agent_id: string; number: string; last_hash: Buffer }>`
    SELECT agent_id, number, last_hash FROM airworthy.agent_heads
    WHERE organisation_id = ${organisationId} AND log_id = ${logId}
      AND agent_id = ANY(${ids}::uuid[])`.execute(tx)
  for (const row of found.rows) {
    const hash = row.last_hash.toString('base64url')
    agents.set(row.agent_id, { number: BigInt(row.number), hash })
  }
  return agents
}
