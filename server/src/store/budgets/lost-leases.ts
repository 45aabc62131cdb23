// What replicas held when they died. A call may have left on it and be in no record, so it stays
// unknown until an operator says how it is to be settled.
import { randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { noAmounts } from '../../core/budget/budget.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { changeLedgers } from './change-ledgers.ts'
import type { Database } from '../database.ts'
import { appendEntries, lockLog } from '../log/log.ts'
import { amountsOf, endCallIn } from '../recorder/ledger.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

export type LostLease = {
  readonly lostLeaseId: string
  readonly replicaId: string
  readonly scopeId: string
  /** In the order of `budgetUnits`. */
  readonly amounts: readonly string[]
  readonly lostAt: Date
}

export async function insertLostLease(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  lease: Omit<LostLease, 'lostLeaseId' | 'lostAt'>,
): Promise<void> {
  await sql`INSERT INTO airworthy.lost_leases (organisation_id, lost_lease_id, replica_id,
      scope_id, amounts, lost_at)
    VALUES (${organisationId}, ${randomUUIDv7()}, ${lease.replicaId}, ${lease.scopeId},
      ${`{${lease.amounts.join(',')}}`}::bigint[], clock_timestamp())`.execute(tx)
}

/** Those that nobody has settled, the oldest first. */
export async function listLostLeases(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: { readonly before: Date; readonly limit: number },
): Promise<LostLease[]> {
  const rows = await db
    .selectFrom('airworthy.lost_leases')
    .select(['lost_lease_id', 'replica_id', 'scope_id', 'amounts', 'lost_at'])
    .where('organisation_id', '=', organisationId)
    .where('settled_as', 'is', null)
    .where('lost_at', '<=', page.before)
    .orderBy('lost_at')
    .orderBy('lost_lease_id')
    .limit(page.limit)
    .execute()
  return rows.map((row) => ({
    lostLeaseId: row.lost_lease_id,
    replicaId: row.replica_id,
    scopeId: row.scope_id,
    amounts: row.amounts,
    lostAt: row.lost_at,
  }))
}

const leasesMax = 1_000

/**
 * Settles lost leases that are older: as if nothing of them had been used, or all. Each is an entry.
 * Gives how many there were, at most 1,000.
 */
export async function settleLostLeases(
  db: Database,
  organisationId: OrganisationId,
  command: {
    readonly before: Date
    readonly as: 'zero' | 'worst'
    readonly operatorId: string
    readonly reason: string
  },
): Promise<number> {
  const { before, as, operatorId, reason } = command
  return runCommand(db, organisationId, async (tx) => {
    const { nowMs } = await lockLog(tx, organisationId)
    const leases = await listLostLeases(tx, organisationId, { before, limit: leasesMax })
    await changeLedgers(
      tx,
      organisationId,
      [...new Set(leases.map((one) => one.scopeId))],
      (known) => {
        for (const lease of leases) {
          const ledger = known.get(lease.scopeId)
          const held = amountsOf(lease.amounts)
          const used = as === 'worst' ? held : noAmounts
          const end = { bucket: 'unknown', held, used } as const
          const none = { settledBefore: undefined, usedAtLeast: undefined }
          if (ledger !== undefined) endCallIn(ledger, { ...end, ...none }, nowMs)
        }
      },
    )
    for (const lease of leases) {
      await sql`UPDATE airworthy.lost_leases SET settled_as = ${as}, settled_by = ${operatorId},
          settled_reason = ${reason}, settled_at = clock_timestamp()
        WHERE organisation_id = ${organisationId}
          AND lost_lease_id = ${lease.lostLeaseId}`.execute(tx)
      const body = { as, lease: lease.lostLeaseId, operator: operatorId, scope: lease.scopeId }
      await appendEntries(tx, organisationId, [
        { type: 'lease.settled', agentId: organisationId, body },
      ])
    }
    return leases.length
  })
}
