// An operator's work on calls whose use nobody knows, through the control API: in bulk, or call by
// call with what the provider's books say.
import { createClient } from '@airworthy/sdk'
import type { FakeProvider } from '../../../examples/provider/server.ts'
import type { Airworthy } from '../../airworthy.ts'
import { parse, textAt } from './fields.ts'
import type { DrillRecord } from './ledgers.ts'

export type Reconciled = {
  readonly calls: number
  readonly leases: number
  /** Billed, and in no record: they left on a lease of a gateway that died. */
  readonly billedWithoutRecord: number
}

const reason = 'the books of the fake provider'

/** All unknown calls of the organisation, and all lost leases. */
export async function reconcileAll(
  airworthy: Airworthy,
  as: 'estimate' | 'worst' | 'zero',
): Promise<Reconciled> {
  let [calls, leases] = [0, 0]
  for (;;) {
    const done = await airworthy.client.reconcileCalls({ as, reason, olderThanSeconds: 0 })
    calls += done.calls.length
    leases += done.leases.length
    if (!done.more || done.calls.length + done.leases.length === 0) break
  }
  return { calls, leases, billedWithoutRecord: 0 }
}

/**
 * Each unknown call of the agents by its own line in the books, which its request's `user` leads to.
 * What a dead gateway had leased is settled as unused only where every line has its call.
 */
export async function reconcileByBooks(given: {
  readonly airworthy: Airworthy
  readonly record: DrillRecord
  readonly provider: FakeProvider
  readonly agentIds: readonly string[]
}): Promise<Reconciled> {
  const { airworthy, record, provider, agentIds } = given
  const { url: baseUrl, operatorKey: key } = airworthy
  const auditor = createClient({ baseUrl, key, reason })
  const lines = new Map(provider.books.entries().map((entry) => [entry.user, entry] as const))
  const calls = await record.calls(agentIds)
  const unknown = calls.filter(({ state }) => state === 'unknown')
  let accounted = calls.filter(({ promptTokens }) => (promptTokens ?? 0) > 0).length
  for (const { id } of unknown) {
    const { text } = await auditor.readPayload(id, { part: 'request' })
    const line = lines.get(textAt(parse(text ?? ''), 'user') ?? '')
    const isBilled = line !== undefined && line.promptTokens > 0
    if (isBilled) accounted += 1
    const { promptTokens = 0, outputTokens: completionTokens = 0 } = line ?? {}
    await airworthy.client.reconcileCalls(
      isBilled
        ? { call: id, reason, usage: { promptTokens, completionTokens } }
        : { call: id, reason, as: 'zero' },
    )
  }
  const billed = provider.books.entries().filter(({ promptTokens }) => promptTokens > 0).length
  const billedWithoutRecord = Math.max(0, billed - accounted)
  const all = await reconcileAll(airworthy, billedWithoutRecord === 0 ? 'zero' : 'worst')
  return { calls: unknown.length, leases: all.leases, billedWithoutRecord }
}
