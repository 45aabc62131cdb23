// What a gateway process that died left open. Its calls in flight may or may not have happened, so
// they become unknown, and so does the lease it held: neither is free to spend again.
import { type Kysely, sql } from 'kysely'
import type { EntryDraft } from '../core/audit/entry.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { Database } from './database.ts'
import { appendEntries } from './log.ts'
import type { Schema } from './schema.ts'
import { type StoredFacts } from './recorder/state.ts'
import { runCommand } from './transaction.ts'

const callsMax = 10_000

export type Recovered = {
  readonly replicas: number
  readonly unknown: number
  readonly failed: number
}

/** Recovers every replica whose lock is free, but the one that is named. */
export async function recoverDeadReplicas(
  db: Database,
  organisationId: OrganisationId,
  ownReplicaId: string | undefined,
): Promise<Recovered> {
  const dead = await listDead(db, organisationId, ownReplicaId)
  const total = { replicas: 0, unknown: 0, failed: 0 }
  for (const replica of dead) {
    const recovered = await runCommand(db, organisationId, (tx) =>
      recoverReplica(tx, organisationId, replica),
    )
    if (recovered === undefined) continue
    total.replicas += 1
    total.unknown += recovered.unknown
    total.failed += recovered.failed
  }
  return total
}

type DeadReplica = { replica_id: string; open_floor: string }

async function listDead(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  ownReplicaId: string | undefined,
): Promise<DeadReplica[]> {
  const found = await sql<DeadReplica>`
    SELECT r.replica_id, r.open_floor FROM airworthy.replicas r
    WHERE r.organisation_id = ${organisationId} AND r.ended_at IS NULL
      AND r.replica_id IS DISTINCT FROM ${ownReplicaId ?? null}::uuid
      AND NOT EXISTS (SELECT 1 FROM pg_locks k WHERE k.locktype = 'advisory' AND k.granted
        AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND k.objsubid = 1 AND (k.classid::bigint << 32) | k.objid::bigint = r.lock_key)
    ORDER BY r.replica_id LIMIT 100`.execute(db)
  return found.rows
}

type OpenRow = {
  call_id: string
  session_id: string
  agent_id: string
  version_id: string
  pact_id: string
  kind: string
  action: string
  effect_id: string | null
  reserved_calls: string
  reserved_tokens: string
  reserved_nano_usd: string
}

async function recoverReplica(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  replica: DeadReplica,
): Promise<{ unknown: number; failed: number } | undefined> {
  // Another process may have been quicker; the head's lock makes one of them the first.
  const ended = await sql`UPDATE airworthy.replicas SET ended_at = clock_timestamp()
    WHERE organisation_id = ${organisationId} AND replica_id = ${replica.replica_id}
      AND ended_at IS NULL`.execute(tx)
  if (ended.numAffectedRows === 0n) return undefined
  const open = await sql<OpenRow>`SELECT call_id, session_id, agent_id, version_id, pact_id, kind,
      action, effect_id, reserved_calls, reserved_tokens, reserved_nano_usd
    FROM airworthy.calls WHERE organisation_id = ${organisationId}
      AND call_id >= ${replica.open_floor}::uuid AND replica_id = ${replica.replica_id}
      AND state = 'executing' ORDER BY call_id LIMIT ${callsMax}`.execute(tx)
  let failed = 0
  for (const call of open.rows) {
    // A read changed nothing: it is simply over. Anything else may have happened.
    const isRead = call.kind === 'tool' && call.effect_id === null
    if (isRead) failed += 1
    await closeCall(tx, organisationId, call, isRead ? 'failed' : 'unknown')
  }
  await closeLeases(tx, organisationId, replica.replica_id)
  const draft: EntryDraft = {
    type: 'replica.recovered',
    agentId: organisationId,
    body: { failed, replica: replica.replica_id, unknown: open.rows.length - failed },
  }
  await appendEntries(tx, organisationId, [draft])
  return { unknown: open.rows.length - failed, failed }
}

async function closeCall(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  call: OpenRow,
  state: 'failed' | 'unknown',
): Promise<void> {
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'call.outcome',
      agentId: call.agent_id,
      versionId: call.version_id,
      pactId: call.pact_id,
      sessionId: call.session_id,
      callId: call.call_id,
      body: {
        action: call.action.slice(0, 96),
        code: 'gateway.interrupted',
        kind: call.kind,
        resolved: 'recovery',
        state,
      },
    },
  ])
  await sql`UPDATE airworthy.calls SET state = ${state}, code = 'gateway.interrupted',
      outcome_seq = ${entry?.seq ?? null}, settled_at = clock_timestamp()
    WHERE organisation_id = ${organisationId} AND call_id = ${call.call_id}`.execute(tx)
  if (call.effect_id !== null && state === 'unknown') {
    await sql`UPDATE airworthy.effects SET state = 'unknown'
      WHERE organisation_id = ${organisationId} AND effect_id = ${call.effect_id}`.execute(tx)
  }
  await moveBudgets(tx, organisationId, call, state)
  await countFacts(tx, organisationId, call, state)
}

async function moveBudgets(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  call: OpenRow,
  state: 'failed' | 'unknown',
): Promise<void> {
  const column = sql.ref(state === 'unknown' ? 'unknown' : 'settled')
  await sql`UPDATE airworthy.budgets b SET reserved = b.reserved - r.amount,
      ${column} = b.${column} + r.amount
    FROM (VALUES ('calls', ${call.reserved_calls}::bigint),
      ('tokens', ${call.reserved_tokens}::bigint),
      ('nano_usd', ${call.reserved_nano_usd}::bigint)) AS r(unit, amount)
    WHERE b.organisation_id = ${organisationId} AND b.unit = r.unit AND r.amount > 0
      AND ((b.scope = 'session' AND b.scope_id = ${call.session_id})
        OR (b.scope = 'agent' AND b.scope_id = ${call.agent_id}))`.execute(tx)
}

async function countFacts(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  call: OpenRow,
  state: 'failed' | 'unknown',
): Promise<void> {
  if (call.kind !== 'tool') return
  const found = await sql<{ facts: StoredFacts }>`SELECT facts FROM airworthy.sessions
    WHERE organisation_id = ${organisationId} AND session_id = ${call.session_id}`.execute(tx)
  const counts = found.rows[0]?.facts.tools?.[call.action]
  if (counts === undefined) return
  counts[state === 'failed' ? 2 : 3] += 1
  await sql`UPDATE airworthy.sessions SET facts = ${JSON.stringify(found.rows[0]?.facts)}::jsonb
    WHERE organisation_id = ${organisationId} AND session_id = ${call.session_id}`.execute(tx)
}

async function closeLeases(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  replicaId: string,
): Promise<void> {
  const held = await sql<{ budget_id: string; amount: string }>`
    DELETE FROM airworthy.leases
    WHERE organisation_id = ${organisationId} AND replica_id = ${replicaId}
    RETURNING budget_id, amount`.execute(tx)
  for (const lease of held.rows) {
    if (lease.amount === '0') continue
    await sql`UPDATE airworthy.budgets SET leased = leased - ${lease.amount}::bigint,
        unknown = unknown + ${lease.amount}::bigint
      WHERE organisation_id = ${organisationId} AND budget_id = ${lease.budget_id}`.execute(tx)
    const body = { amount: lease.amount, budget: lease.budget_id, replica: replicaId }
    await appendEntries(tx, organisationId, [
      { type: 'lease.unknown', agentId: organisationId, body },
    ])
  }
}

/** A replica that stops in order gives its leases back, unspent. */
export async function endReplica(
  db: Database,
  organisationId: OrganisationId,
  replicaId: string,
): Promise<void> {
  await runCommand(db, organisationId, async (tx) => {
    await sql`WITH released AS (
        DELETE FROM airworthy.leases
        WHERE organisation_id = ${organisationId} AND replica_id = ${replicaId}
        RETURNING budget_id, amount
      ) UPDATE airworthy.budgets b SET leased = b.leased - released.amount FROM released
      WHERE b.organisation_id = ${organisationId} AND b.budget_id = released.budget_id`.execute(tx)
    await sql`UPDATE airworthy.replicas SET ended_at = clock_timestamp()
      WHERE organisation_id = ${organisationId} AND replica_id = ${replicaId}`.execute(tx)
    // Other gateways must read the budgets again.
    await appendEntries(tx, organisationId, [
      { type: 'replica.ended', agentId: organisationId, body: { replica: replicaId } },
    ])
  })
}

/** Where recovery would start to look: no call before this one is open. */
export async function setOpenFloor(
  db: Database,
  organisationId: OrganisationId,
  replica: { replicaId: string; openFloor: string },
): Promise<void> {
  await sql`UPDATE airworthy.replicas SET open_floor = ${replica.openFloor}
    WHERE organisation_id = ${organisationId} AND replica_id = ${replica.replicaId}`.execute(db)
}
