// What a gateway process that died left open. Its calls in flight may or may not have happened, so
// they become unknown, and so does the lease it held: neither is free to spend again.
import { hash } from 'node:crypto'
import { type Kysely, type RawBuilder, sql } from 'kysely'
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
  effect_key: string | null
  reserved: string[]
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
  const open = await sql<OpenRow>`SELECT i.call_id, i.session_id, i.agent_id, i.version_id,
      i.pact_id, i.kind, i.action, i.effect_id, i.reserved, (SELECT e.effect_key FROM airworthy.effects e
        WHERE e.organisation_id = i.organisation_id AND e.effect_id = i.effect_id) AS effect_key
    FROM airworthy.call_intents i WHERE i.organisation_id = ${organisationId}
      AND i.call_id >= ${replica.open_floor}::uuid AND i.replica_id = ${replica.replica_id}
      AND i.state = 'executing' AND NOT EXISTS (SELECT 1 FROM airworthy.call_outcomes o
        WHERE o.organisation_id = i.organisation_id AND o.call_id = i.call_id)
    ORDER BY i.call_id LIMIT ${callsMax}`.execute(tx)
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
        key: call.effect_key === null ? undefined : hash('sha256', call.effect_key, 'base64url'),
        kind: call.kind,
        resolved: 'recovery',
        state,
      },
    },
  ])
  await sql`INSERT INTO airworthy.call_outcomes (organisation_id, call_id, state, code,
      outcome_seq, settled_at)
    VALUES (${organisationId}, ${call.call_id}, ${state}, 'gateway.interrupted',
      ${entry?.seq ?? null}, clock_timestamp())`.execute(tx)
  // An effect whose undo was cut off stays `undoing` until somebody finds out.
  if (call.effect_id !== null && state === 'unknown' && call.kind !== 'undo') {
    await sql`UPDATE airworthy.effects SET state = 'unknown'
      WHERE organisation_id = ${organisationId} AND effect_id = ${call.effect_id}`.execute(tx)
  }
  await moveBudgets(tx, organisationId, call, state)
  await countFacts(tx, organisationId, call, state)
}

/**
 * A ledger's array after amounts moved out of `from`: never more than lies there, because a unit
 * without a limit is not counted, and limits change while calls are in flight.
 */
function move(
  column: string,
  sign: '+' | '-',
  moved: { readonly from: string; readonly amounts: readonly string[] },
): RawBuilder<unknown> {
  const amounts = `{${moved.amounts.join(',')}}`
  return sql`(SELECT array_agg(c ${sql.raw(sign)} least(f, a) ORDER BY n)
    FROM unnest(${sql.ref(column)}, ${sql.ref(moved.from)}, ${amounts}::bigint[])
      WITH ORDINALITY AS u(c, f, a, n))`
}

async function moveBudgets(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  call: OpenRow,
  state: 'failed' | 'unknown',
): Promise<void> {
  const to = state === 'unknown' ? 'unknown' : 'settled'
  const moved = { from: 'reserved', amounts: call.reserved }
  await sql`UPDATE airworthy.ledgers
    SET reserved = ${move('reserved', '-', moved)}, ${sql.ref(to)} = ${move(to, '+', moved)}
    WHERE organisation_id = ${organisationId}
      AND scope_id IN (${call.session_id}, ${call.agent_id})`.execute(tx)
}

async function countFacts(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  call: OpenRow,
  state: 'failed' | 'unknown',
): Promise<void> {
  if (call.kind !== 'tool') return
  const found = await sql<{ facts: StoredFacts }>`SELECT facts FROM airworthy.ledgers
    WHERE organisation_id = ${organisationId} AND scope_id = ${call.session_id}`.execute(tx)
  const counts = found.rows[0]?.facts.tools?.[call.action]
  if (counts === undefined) return
  counts[state === 'failed' ? 2 : 3] += 1
  await sql`UPDATE airworthy.ledgers SET facts = ${JSON.stringify(found.rows[0]?.facts)}::json
    WHERE organisation_id = ${organisationId} AND scope_id = ${call.session_id}`.execute(tx)
}

async function closeLeases(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  replicaId: string,
): Promise<void> {
  const held = await sql<{ scope_id: string; amounts: string[] }>`
    DELETE FROM airworthy.leases
    WHERE organisation_id = ${organisationId} AND replica_id = ${replicaId}
    RETURNING scope_id, amounts`.execute(tx)
  for (const lease of held.rows) {
    if (lease.amounts.every((amount) => amount === '0')) continue
    const moved = { from: 'leased', amounts: lease.amounts }
    await sql`UPDATE airworthy.ledgers
      SET leased = ${move('leased', '-', moved)}, unknown = ${move('unknown', '+', moved)}
      WHERE organisation_id = ${organisationId} AND scope_id = ${lease.scope_id}`.execute(tx)
    const body = { amounts: lease.amounts.join(' '), replica: replicaId, scope: lease.scope_id }
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
    const held = await sql<{ scope_id: string; amounts: string[] }>`
      DELETE FROM airworthy.leases
      WHERE organisation_id = ${organisationId} AND replica_id = ${replicaId}
      RETURNING scope_id, amounts`.execute(tx)
    for (const lease of held.rows) {
      const moved = { from: 'leased', amounts: lease.amounts }
      await sql`UPDATE airworthy.ledgers SET leased = ${move('leased', '-', moved)}
        WHERE organisation_id = ${organisationId} AND scope_id = ${lease.scope_id}`.execute(tx)
    }
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
