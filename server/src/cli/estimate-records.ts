// Recorded sessions, priced for each model that is compared.
import { estimateRecorded, type RecordedEstimate } from '../core/pricing/estimate.ts'
import { costNanoUsd, type PricedUsage, type Prices } from '../core/pricing/prices.ts'
import { UsageError } from './failure.ts'
import type { PriceSource } from './price-source.ts'

export type CallsByModel = { readonly model: string | undefined; readonly usage: PricedUsage }

export type SessionCalls = {
  readonly sessions: readonly (readonly CallsByModel[])[]
  /** That the calls were made in; undefined where no times were recorded. */
  readonly days: number | undefined
}

export type RecordedRow = {
  /** `as recorded`: each call with the model that it was made of. */
  readonly model: string
  readonly prices: Prices | undefined
  readonly estimate: RecordedEstimate
}

export type RecordedResult = {
  readonly sessions: number
  readonly calls: number
  readonly days: number | undefined
  readonly sessionsPerDay: number
  readonly rows: readonly RecordedRow[]
}

/** Without models: as recorded. Token counts are taken as they are, although tokenizers differ. */
export async function estimateSessions(
  { sessions, days }: SessionCalls,
  options: {
    readonly source: PriceSource
    readonly models: readonly string[]
    readonly sessionsPerDay: number | undefined
  },
): Promise<RecordedResult> {
  const { source, models } = options
  const sessionsPerDay = options.sessionsPerDay ?? (days === undefined ? 1 : sessions.length / days)
  const rows: RecordedRow[] = []
  const usages = sessions.map((calls) => calls.map((call) => call.usage))
  for (const model of models) {
    const prices = await source.find(model)
    const estimate = estimateRecorded(usages, (usage) => costNanoUsd(prices, usage), sessionsPerDay)
    rows.push({ model, prices, estimate })
  }
  if (models.length === 0) {
    const costs = await recordedCosts(sessions, source)
    const estimate = estimateRecorded(usages, (usage) => costs.get(usage) ?? 0n, sessionsPerDay)
    rows.push({ model: 'as recorded', prices: undefined, estimate })
  }
  const calls = sessions.reduce((count, made) => count + made.length, 0)
  return { sessions: sessions.length, calls, days, sessionsPerDay, rows }
}

async function recordedCosts(
  sessions: SessionCalls['sessions'],
  source: PriceSource,
): Promise<Map<PricedUsage, bigint>> {
  const costs = new Map<PricedUsage, bigint>()
  for (const { model, usage } of sessions.flat()) {
    if (model === undefined) {
      throw new UsageError('the record names no models: give --model <model>, once or more')
    }
    costs.set(usage, costNanoUsd(await source.find(model), usage))
  }
  return costs
}
