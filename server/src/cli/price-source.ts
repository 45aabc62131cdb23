// What commands know of prices: what the server says; with --offline, the catalogue that comes with
// the program, which knows no overrides; and rates given on the line.
import { openPriceCatalogue } from '../adapters/price-catalogue/price-catalogue.ts'
import {
  compilePriceList,
  freePrices,
  type PriceList,
  priceListProblems,
} from '../core/pricing/price-list.ts'
import type { Prices } from '../core/pricing/prices.ts'
import { AirworthyError } from '../core/errors.ts'
import { connect, type GlobalOptions } from './connection.ts'
import { UsageError } from './failure.ts'

export type PriceSource = {
  /** Of `openai/gpt-4.1`, or `gpt-4.1` alone. Throws `model.price_unknown`. */
  readonly find: (name: string) => Promise<Prices>
}

export type SourceOptions = {
  readonly offline?: boolean
  readonly rate?: readonly string[]
}

type Found = {
  readonly provider: string | null
  readonly near: readonly string[]
  readonly found: {
    readonly source: 'override' | 'catalogue'
    readonly from: string
    readonly edition: string
    readonly prices: PriceList
  } | null
}

/** Opens where prices come from. Rates of the line come first. */
export async function openPriceSource(
  globals: GlobalOptions,
  { offline = false, rate = [] }: SourceOptions,
): Promise<PriceSource> {
  const own = new Map(rate.map(parseRate))
  const ask = offline ? await askCatalogue() : await askServer(globals)
  const known = new Map<string, Promise<Prices>>()
  const look = async (name: string): Promise<Prices> => {
    const given = own.get(name)
    if (given !== undefined) return given
    return compiled(name, await ask(splitName(name)))
  }
  return {
    find: (name) => {
      const prices = known.get(name) ?? look(name)
      known.set(name, prices)
      return prices
    },
  }
}

type Name = { readonly provider: string | undefined; readonly model: string }

/** `openrouter/google/gemini-3-flash`: the provider ends at the first slash. */
function splitName(name: string): Name {
  const slash = name.indexOf('/')
  if (slash <= 0) return { provider: undefined, model: name }
  return { provider: name.slice(0, slash), model: name.slice(slash + 1) }
}

async function askServer(globals: GlobalOptions): Promise<(name: Name) => Promise<Found>> {
  const client = await connect(globals)
  return ({ provider, model }) =>
    client.findPrice({ model, ...(provider === undefined ? {} : { provider }) })
}

async function askCatalogue(): Promise<(name: Name) => Promise<Found>> {
  const catalogue = await openPriceCatalogue()
  return async ({ provider: named, model }) => {
    const provider = named ?? catalogue.providerOfModel(model)
    const found = catalogue.find({ provider, baseUrl: '', upstreamModel: model }, Date.now())
    if (found.kind === 'unknown') {
      return { provider: provider ?? null, near: found.near, found: null }
    }
    const { source, from, edition, list } = found
    return { provider: provider ?? null, near: [], found: { source, from, edition, prices: list } }
  }
}

function compiled(name: string, { provider, found, near }: Found): Prices {
  if (found === null) {
    const names = near.length === 0 ? '' : `; near: ${near.join(', ')}`
    throw new AirworthyError(
      'model.price_unknown',
      `the price of ${name} is not known${names}: name its provider (openai/gpt-4.1), ` +
        `or give --rate ${name}=<input>,<cached>,<output>`,
    )
  }
  const { source, from, edition, prices } = found
  const wire = provider === 'anthropic' ? 'anthropic' : 'openai'
  return compilePriceList(prices, { source, from, edition, wire })
}

/** `my-model=0.40,0.10,1.60`: input, cached input, output; `my-model=free`. */
function parseRate(text: string): [string, Prices] {
  const [, name = '', rates = ''] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (rates === 'free') return [name, freePrices]
  const numbers = rates.split(',').map((rate) => rate.trim())
  const [input = '', middle = '', last] = numbers
  const list: PriceList = {
    inputPerMillionUsd: input,
    ...(last === undefined ? {} : { cachedInputPerMillionUsd: middle }),
    outputPerMillionUsd: last ?? middle,
  }
  if (name === '' || numbers.length > 3 || priceListProblems(list).length > 0) {
    throw new UsageError(
      `--rate ${text}: give <model>=<input>,<output> or <model>=<input>,<cached>,<output> in US ` +
        'dollars for a million tokens, or <model>=free',
    )
  }
  const origin = {
    source: 'manifest',
    from: name,
    edition: 'command line',
    wire: 'openai',
  } as const
  return [name, compilePriceList(list, origin)]
}
