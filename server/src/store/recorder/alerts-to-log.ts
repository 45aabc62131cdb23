// Thresholds that a batch passed are told in the program's log as well, once they are durable.
import type { Batch } from './batch.ts'
import type { PlacedItem } from './items.ts'

type Log = (message: string, fields?: Record<string, unknown>) => void

const none: readonly PlacedItem[] = []

/** Names the budget, and not whose ledger it is: that may be a person. */
export function alertsToLog(batch: Batch, log: Log): readonly PlacedItem[] {
  const { alerts } = batch.rows
  if (alerts.length === 0) return none
  return alerts.map((alert) => ({
    onLocked: () => undefined,
    onDurable: () => {
      log('a budget passed a threshold', {
        budget: alert.policy_name,
        thresholdPercent: alert.threshold,
        unit: alert.unit,
        used: alert.used,
        limit: alert.limit_amount,
        ledger: alert.scope_id,
        call: alert.call_id,
      })
    },
  }))
}
