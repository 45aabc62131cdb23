// What a gateway process that died left open. Its calls in flight may or may not have happened, so
// they become unknown, and so does the lease it held: neither is free to spend again.
import { hash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { EntryDraft } from '../core/audit/entry.ts'
import { type Amounts, amountIn, noAmounts } from '../core/budget/budget.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { Database } from './database.ts'
import { changeLedgers } from './budgets/change-ledgers.ts'
import { appendEntries, lockLog } from './log/log.ts'
import { insertLostLease } from './budgets/lost-leases.ts'
import { amountsOf, endCallIn } from './recorder/ledger.ts'
import { isLockHeld } from './replica-lock.ts'
import type { Schema } from './schema/schema.ts'
import type { StoredFacts } from './recorder/session-facts.ts'
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
      AND NOT ${sql.raw(isLockHeld('r.lock_key'))}
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
  ledgers: string[] | null
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
      i.pact_id, i.kind, i.action, i.effect_id, i.reserved, i.ledgers,
      (SELECT e.effect_key FROM airworthy.effects e
        WHERE e.organisation_id = i.organisation_id AND e.effect_id = i.effect_id) AS effect_key
    FROM airworthy.call_intents i WHERE i.organisation_id = ${organisationId}
      AND i.call_id >= ${replica.open_floor}::uuid AND i.replica_id = ${replica.replica_id}
      AND i.state = 'executing' AND NOT EXISTS (SELECT 1 FROM airworthy.call_outcomes o
        WHERE o.organisation_id = i.organisation_id AND o.call_id = i.call_id)
    ORDER BY i.call_id LIMIT ${callsMax}`.execute(tx)
  let failed = 0
  for (const call of open.rows) {
    if (endOf(call) === 'failed') failed += 1
    await closeCall(tx, organisationId, call, endOf(call))
  }
  await moveBudgets(tx, organisationId, open.rows)
  await closeLeases(tx, organisationId, replica.replica_id)
  const draft: EntryDraft = {
    type: 'replica.recovered',
    agentId: organisationId,
    body: { failed, replica: replica.replica_id, unknown: open.rows.length - failed },
  }
  await appendEntries(tx, organisationId, [draft])
  return { unknown: open.rows.length - failed, failed }
}

/** A read changed nothing: it is simply over. Anything else may have happened. */
function endOf(call: OpenRow): 'failed' | 'unknown' {
  return call.kind === 'tool' && call.effect_id === null ? 'failed' : 'unknown'
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
  await countFacts(tx, organisationId, call, state)
}

/** What the calls reserved becomes unknown in all their ledgers; what a read took is settled. */
async function moveBudgets(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  calls: readonly OpenRow[],
): Promise<void> {
  const ids = new Set(calls.flatMap((call) => ledgersOf(call)))
  const { nowMs } = await lockLog(tx, organisationId)
  const money = await readToolMoney(tx, organisationId, calls)
  for (const each of [...money.values()].flat()) ids.add(each.ledgerId)
  await changeLedgers(tx, organisationId, [...ids], (ledgers) => {
    for (const call of calls) {
      const held = amountsOf(call.reserved)
      const used = endOf(call) === 'unknown' ? undefined : held
      const end = { bucket: 'reserved', held, used } as const
      for (const id of ledgersOf(call)) {
        const ledger = ledgers.get(id)
        if (ledger !== undefined) endCallIn(ledger, { ...end, ...noneBefore }, nowMs)
      }
      for (const { ledgerId, held: moved } of money.get(call.call_id) ?? []) {
        const ledger = ledgers.get(ledgerId)
        const unknown = { bucket: 'reserved', held: moved, used: undefined } as const
        if (ledger !== undefined) endCallIn(ledger, { ...unknown, ...noneBefore }, nowMs)
      }
    }
  })
}

type ToolMoney = { readonly ledgerId: string; readonly held: Amounts }

/** What calls that move money hold of budgets, beside what they reserved. */
async function readToolMoney(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  calls: readonly OpenRow[],
): Promise<Map<string, readonly ToolMoney[]>> {
  const ids = calls.filter(({ kind }) => kind !== 'model').map((call) => call.call_id)
  const byCall = new Map<string, readonly ToolMoney[]>()
  if (ids.length === 0) return byCall
  const found = await sql<{ call_id: string; ledger_id: string; minor: string }>`
    SELECT call_id, ledger_id, minor FROM airworthy.money_reservations
    WHERE organisation_id = ${organisationId} AND call_id = ANY(${ids}::uuid[])
      AND purpose = 'budget' AND state = 'held'`.execute(tx)
  for (const { call_id: callId, ledger_id: ledgerId, minor } of found.rows) {
    const held = { ...noAmounts, nanoUsd: BigInt(minor) }
    byCall.set(callId, [...(byCall.get(callId) ?? []), { ledgerId, held }])
  }
  return byCall
}

const noneBefore = { settledBefore: undefined, usedAtLeast: undefined }

function ledgersOf(call: OpenRow): string[] {
  return [call.session_id, call.agent_id, ...(call.ledgers ?? [])]
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
  const held = await takeLeases(tx, organisationId, replicaId)
  for (const lease of held) {
    const body = { amounts: lease.amounts.join(' '), replica: replicaId, scope: lease.scopeId }
    await appendEntries(tx, organisationId, [
      { type: 'lease.unknown', agentId: organisationId, body },
    ])
    await insertLostLease(tx, organisationId, { ...lease, replicaId })
  }
  await releaseLeases(tx, organisationId, { leases: held, becomeUnknown: true })
}

type Lease = { readonly scopeId: string; readonly amounts: readonly string[] }

/** The leases of the replica that are not empty. All of them are deleted. */
async function takeLeases(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  replicaId: string,
): Promise<Lease[]> {
  const held = await sql<{ scope_id: string; amounts: string[] }>`
    DELETE FROM airworthy.leases
    WHERE organisation_id = ${organisationId} AND replica_id = ${replicaId}
    RETURNING scope_id, amounts`.execute(tx)
  return held.rows
    .filter((lease) => lease.amounts.some((amount) => amount !== '0'))
    .map(({ scope_id: scopeId, amounts }) => ({ scopeId, amounts }))
}

async function releaseLeases(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  { leases, becomeUnknown }: { leases: readonly Lease[]; becomeUnknown: boolean },
): Promise<void> {
  const byLedger = new Map(leases.map((lease) => [lease.scopeId, amountsOf(lease.amounts)]))
  await changeLedgers(tx, organisationId, [...byLedger.keys()], (ledgers) => {
    for (const [scopeId, amounts] of byLedger) {
      for (const budget of ledgers.get(scopeId)?.budgets ?? []) {
        const wanted = amountIn(amounts, budget.unit)
        // A limit that was set since knows nothing of the lease.
        const amount = wanted <= budget.leasedByOthers ? wanted : budget.leasedByOthers
        budget.leasedByOthers -= amount
        if (becomeUnknown) budget.unknown += amount
      }
    }
  })
}

/** A replica that stops in order gives its leases back, unspent. */
export async function endReplica(
  db: Database,
  organisationId: OrganisationId,
  replicaId: string,
): Promise<void> {
  await runCommand(db, organisationId, async (tx) => {
    const leases = await takeLeases(tx, organisationId, replicaId)
    await releaseLeases(tx, organisationId, { leases, becomeUnknown: false })
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
