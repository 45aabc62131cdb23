// An operator's work on calls whose use nobody knows, through the control API.
import type { Airworthy } from '../../airworthy.ts'
import { type CallRow, DrillRecord } from './ledgers.ts'

export type Reconciled = { readonly calls: number; readonly failed: readonly string[] }

const reason = 'the books of the fake provider'

/** All of the agent's unknown calls, in bulk. */
export async function reconcileAll(given: {
  readonly airworthy: Airworthy
  readonly record: DrillRecord
  readonly agentId: string
  readonly as: 'estimate' | 'worst' | 'zero'
}): Promise<Reconciled> {
  const calls = (await given.record.calls(given.agentId)).filter(({ state }) => state === 'unknown')
  return { calls: 0, failed: calls.map((call: CallRow) => `${reason} ${call.id}`) }
}
