// Before a call is refused because other replicas hold leases on its budget, those leases are
// taken back. That is safe under the head's lock: a replica spends its lease only while it holds
// that lock, so the lease of a living replica is unspent now. A dead one's stays: it is unknown.
import { amountIn, available, type Budget } from '../../core/budget/budget.ts'
import { type Batch, touchBudget } from './batch.ts'
import type { Intent } from './types.ts'

export async function reclaimLeases(
  batch: Batch,
  intents: readonly (Intent | undefined)[],
): Promise<void> {
  const wanted = new Map<Budget, bigint>()
  for (const intent of intents) {
    if (intent === undefined) continue
    const session = batch.state.sessions.get(intent.principal.sessionId)
    for (const budget of session?.budgets ?? []) {
      if (budget.leasedByOthers === 0n) continue
      const amount = amountIn(intent.reservation, budget.unit)
      wanted.set(budget, (wanted.get(budget) ?? 0n) + amount)
    }
  }
  for (const [budget, amount] of wanted) {
    if (amount > available(budget)) await reclaim(batch, budget)
  }
}

async function reclaim(batch: Batch, budget: Budget): Promise<void> {
  const { client, organisationId, replicaId } = batch.scope
  const found = await client.query<{ taken: string | null }>(
    `WITH living AS (
      SELECT l.replica_id, l.amount FROM airworthy.leases l
      JOIN airworthy.replicas r USING (organisation_id, replica_id)
      WHERE l.organisation_id = $1 AND l.budget_id = $2 AND l.replica_id <> $3 AND l.amount > 0
        AND EXISTS (SELECT 1 FROM pg_locks k WHERE k.locktype = 'advisory' AND k.granted
          AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND k.objsubid = 1
          AND (k.classid::bigint << 32) | k.objid::bigint = r.lock_key)
    ), emptied AS (
      UPDATE airworthy.leases l SET amount = 0 FROM living
      WHERE l.organisation_id = $1 AND l.budget_id = $2 AND l.replica_id = living.replica_id
    )
    SELECT sum(amount) AS taken FROM living`,
    [organisationId, budget.id, replicaId],
  )
  const taken = BigInt(found.rows[0]?.taken ?? '0')
  if (taken === 0n) return
  touchBudget(batch, budget)
  budget.leasedByOthers -= taken
}
