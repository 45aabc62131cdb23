// What an endpoint of a model costs: what the manifest says; else what an override or the catalogue
// knows; else a flat sum, where the manifest names one. Never nothing by accident.
import { decimalToUnits } from '../effect/amount.ts'
import type { PriceFound, PriceLookup } from '../pricing/lookup.ts'
import {
  compilePriceList,
  flatPrices,
  freePrices,
  priceListProblems,
} from '../pricing/price-list.ts'
import type { Prices } from '../pricing/prices.ts'
import type { Manifest } from './manifest-schema.ts'
import { problemAt } from './problem.ts'
import type { PactProblem, PathStep } from './problem.ts'

type Model = Manifest['models'][number]
type Endpoint = NonNullable<Model['endpoints']>[number]

/** Undefined where nobody knows: then calls of it are refused. */
export function pricesOfEndpoint(
  endpoint: Endpoint,
  model: Model,
  findPrice: PriceLookup,
): Prices | undefined {
  const { wire } = endpoint
  const own = endpoint.prices ?? model.prices
  if (own === 'free') return freePrices
  if (own !== undefined)
    return compilePriceList(own, { source: 'manifest', from: '', edition: '', wire })
  const found = lookUp(endpoint, model, findPrice)
  if (found.kind === 'found') {
    const { source, from, edition } = found
    return compilePriceList(found.list, { source, from, edition, wire })
  }
  if (model.unknownPriceHoldUsd === undefined) return undefined
  return flatPrices(decimalToUnits(model.unknownPriceHoldUsd, 9) ?? 0n)
}

function lookUp(endpoint: Endpoint, model: Model, findPrice: PriceLookup): PriceFound {
  return findPrice({
    provider: endpoint.provider ?? model.provider,
    baseUrl: endpoint.baseUrl,
    upstreamModel: endpoint.upstreamModel ?? model.name,
  })
}

/** Prices of a right shape and a wrong meaning. */
export function checkModelPrices(model: Model, path: readonly PathStep[]): PactProblem[] {
  const lists = [
    { place: path, prices: model.prices },
    ...(model.endpoints ?? []).map((endpoint, index) => ({
      place: [...path, 'endpoints', index],
      prices: endpoint.prices,
    })),
  ]
  const problems = lists.flatMap(({ place, prices }) =>
    prices === undefined || prices === 'free'
      ? []
      : priceListProblems(prices).map(({ path: at, value, expected }) =>
          problemAt([...place, 'prices', ...at], { value, expected }),
        ),
  )
  const hold = model.unknownPriceHoldUsd
  if (hold !== undefined && Number(hold) === 0) {
    const expected = 'more than nothing; a model that costs nothing has "prices: free"'
    problems.push(problemAt([...path, 'unknownPriceHoldUsd'], { value: hold, expected }))
  }
  return problems
}

/** An endpoint without a price, with names that are near. Its code is `model.price_unknown`. */
export function priceUnknownProblem(
  endpoint: Endpoint,
  options: { model: Model; place: readonly PathStep[]; findPrice: PriceLookup },
): PactProblem[] {
  const { model, place, findPrice } = options
  if (pricesOfEndpoint(endpoint, model, findPrice) !== undefined) return []
  const found = lookUp(endpoint, model, findPrice)
  if (found.kind === 'found') return []
  const { provider, near } = found
  const name = endpoint.upstreamModel ?? model.name
  const who = provider === undefined ? 'no provider is known for its baseUrl' : `of ${provider}`
  const names = near.length === 0 ? '' : ` (near: ${near.join(', ')})`
  const problem = problemAt([...place, 'prices'], {
    value: undefined,
    expected:
      `prices, because the price of ${name} is not known, ${who}: give prices, provider, ` +
      'unknownPriceHoldUsd, or "prices: free"',
    hint: names,
  })
  return [{ ...problem, code: 'model.price_unknown' }]
}
