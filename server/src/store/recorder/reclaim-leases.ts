// Before a call is refused because other replicas hold leases on its budget, those leases are
// taken back. That is safe under the head's lock: a replica spends its lease only while it holds
// that lock, so the lease of a living replica is unspent now. A dead one's stays: it is unknown.
import { amountIn, available, type Budget, budgetUnits } from '../../core/budget/budget.ts'
import type { Ledger } from './ledger.ts'
import { isLockHeld } from '../replica-lock.ts'
import { type Batch, touchLedger } from './batch.ts'
import type { Intent } from './types.ts'

export async function reclaimLeases(
  batch: Batch,
  intents: readonly (Intent | undefined)[],
): Promise<void> {
  const wanted = new Map<Budget, bigint>()
  const short = new Set<Ledger>()
  for (const intent of intents) {
    if (intent === undefined) continue
    const session = batch.state.sessions.get(intent.principal.sessionId)
    if (session === undefined) continue
    for (const ledger of [session.ledger, session.agentLedger, ...session.policyLedgers]) {
      if (isShort(ledger, intent, wanted)) short.add(ledger)
    }
  }
  for (const ledger of short) await reclaim(batch, ledger)
}

function isShort(ledger: Ledger, intent: Intent, wanted: Map<Budget, bigint>): boolean {
  let found = false
  for (const budget of ledger.budgets) {
    if (budget.leasedByOthers === 0n) continue
    const total = (wanted.get(budget) ?? 0n) + amountIn(intent.reservation, budget.unit)
    wanted.set(budget, total)
    if (total > available(budget)) found = true
  }
  return found
}

async function reclaim(batch: Batch, ledger: Ledger): Promise<void> {
  const { client, organisationId, replicaId } = batch.scope
  const found = await client.query<{ amounts: string[] }>(
    `WITH living AS (
      SELECT l.replica_id, l.amounts FROM airworthy.leases l
      JOIN airworthy.replicas r USING (organisation_id, replica_id)
      WHERE l.organisation_id = $1 AND l.scope_id = $2 AND l.replica_id <> $3
        AND 0 < ANY (l.amounts) AND ${isLockHeld('r.lock_key')}
    ), emptied AS (
      UPDATE airworthy.leases l SET amounts = '{0,0,0,0,0}' FROM living
      WHERE l.organisation_id = $1 AND l.scope_id = $2 AND l.replica_id = living.replica_id
    )
    SELECT amounts FROM living`,
    [organisationId, ledger.scopeId, replicaId],
  )
  if (found.rows.length === 0) return
  touchLedger(batch, ledger)
  for (const row of found.rows) {
    for (const budget of ledger.budgets) {
      budget.leasedByOthers -= BigInt(row.amounts[budgetUnits.indexOf(budget.unit)] ?? '0')
    }
  }
}
