// What an operator read in a provider's account of one call.
import type { ReconcileCalls } from '@airworthy/sdk'
import type { Amounts } from '../../core/budget/budget.ts'
import { decimalToUnits } from '../../core/effect/amount.ts'
import { AirworthyError } from '../../core/errors.ts'
import { costNanoUsd } from '../../core/pricing/prices.ts'
import type { UnknownCall } from '../../store/calls/reconcile-calls.ts'
import type { TokenUsage } from '../../store/recorder/types.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { loadPact } from '../pacts.ts'

type Ground = Pick<ApiDependencies, 'db' | 'organisationId' | 'prices'>

/**
 * The amounts of the usage. Without a cost it is priced as the call's pact says; where it is not
 * known which endpoint answered, at the dearest. Throws `model.price_unknown`.
 */
export async function priceReported(
  ground: Ground,
  call: UnknownCall,
  reported: {
    readonly usage: NonNullable<ReconcileCalls['usage']>
    readonly costUsd: string | undefined
  },
): Promise<{ readonly used: Amounts; readonly usage: TokenUsage }> {
  const { promptTokens, completionTokens, cachedTokens = 0 } = reported.usage
  const usage = { promptTokens, cachedTokens, completionTokens }
  const { costUsd } = reported
  const told = costUsd === undefined ? undefined : decimalToUnits(costUsd, 9)
  const used: Amounts = {
    calls: 1n,
    tokens: BigInt(promptTokens) + BigInt(completionTokens),
    nanoUsd: told ?? (await costOf(ground, call, usage)),
    inputTokens: BigInt(promptTokens),
    outputTokens: BigInt(completionTokens),
  }
  return { used, usage }
}

async function costOf(
  { db, organisationId, prices }: Ground,
  call: UnknownCall,
  usage: TokenUsage,
): Promise<bigint> {
  const pact = await loadPact(db, organisationId, call.pactId, prices.book.find)
  const endpoints = pact.models.get(call.action)?.endpoints ?? []
  const asked = endpoints.filter((one) => one.name === call.endpoint)
  const costs = (asked.length > 0 ? asked : endpoints).map((one) =>
    one.prices === undefined ? undefined : costNanoUsd(one.prices, usage),
  )
  const known = costs.filter((cost) => cost !== undefined)
  if (known.length === 0 || known.length < costs.length) {
    throw new AirworthyError(
      'model.price_unknown',
      `the price of ${call.action} is not known: say what the call cost (costUsd)`,
    )
  }
  return known.reduce((dearest, cost) => (cost > dearest ? cost : dearest))
}
