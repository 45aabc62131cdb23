// Thresholds of the organisation's budgets: passing one is an entry, once for each ledger.
import type { Budget } from '../../core/budget/budget.ts'
import { passedThresholds } from '../../core/budget/policy.ts'
import { type Batch, record, touchLedger } from './batch.ts'
import type { Ledger } from './ledger.ts'

/** The call that passed it; the entry joins the chain of its agent. */
export type AlertingCall = {
  readonly agentId: string
  readonly versionId: string
  readonly pactId: string
  readonly sessionId: string
  readonly callId: string
}

/**
 * Records the thresholds that the ledger has passed and not told of. A rolling ledger tells of one
 * again once a whole window has gone by.
 */
export function tellAlerts(
  batch: Batch,
  ledger: Ledger,
  of: { readonly call: AlertingCall; readonly hit?: Budget | undefined },
): void {
  const { use } = ledger
  if (use === undefined || use.policy.alerts.length === 0) return
  const { policy, rolling, told } = use
  for (const passed of passedThresholds(ledger.budgets, policy.alerts, of.hit)) {
    const toldAtMs = told.get(passed.threshold)
    const isOld = rolling !== undefined && (toldAtMs ?? 0) <= batch.nowMs - rolling.windowMs
    if (toldAtMs !== undefined && !isOld) continue
    touchLedger(batch, ledger)
    told.set(passed.threshold, batch.nowMs)
    const { agentId, versionId, pactId, sessionId, callId } = of.call
    const { threshold, unit, used, limit } = passed
    const { seq } = record(batch, {
      agentId,
      versionId,
      pactId,
      sessionId,
      callId,
      type: 'budget.alert',
      body: {
        ledger: ledger.scopeId,
        limit: String(limit),
        policy: policy.policyId,
        threshold,
        unit,
        used: String(used),
      },
    })
    batch.rows.alerts.push({
      seq: String(seq),
      policy_id: policy.policyId,
      policy_name: policy.name,
      scope_id: ledger.scopeId,
      unit,
      threshold,
      used: String(used),
      limit_amount: String(limit),
      call_id: callId,
    })
  }
}
