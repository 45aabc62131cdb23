// From the catalogue's price records to price lists. Its numbers are US dollars for 10^6 tokens
// (`_mtok`), or for 1,000 of something (`_kcount`); a tier's price is that of all tokens of a call
// whose whole prompt is longer than its start.
import type { ModelInfo, ModelPrice } from '@pydantic/genai-prices'
import type { PriceList, RateList, TierList } from '../../core/pricing/price-list.ts'

export type ListedPrice = {
  readonly list: PriceList
  readonly notCounted: readonly string[]
  readonly from: string
}

const decimals = 6
const dayMs = 86_400_000
const halfHoursADay = 48

/**
 * The records that count at a moment: one; where the price changes with the time of day, all of
 * that day, since what a call will cost must be known before the hour of its end is.
 */
export function pricesAt(
  model: ModelInfo,
  matched: ModelPrice | undefined,
  nowMs: number,
): ModelPrice[] {
  const { prices } = model
  if (!Array.isArray(prices)) return [prices]
  const changesDaily = prices.some(({ constraint }) => constraint?.type === 'time_of_date')
  if (!changesDaily) return [matched ?? recordAt(prices, nowMs)].filter(isRecord)
  const midnight = Math.floor(nowMs / dayMs) * dayMs
  const times = Array.from(
    { length: halfHoursADay },
    (_, index) => midnight + (index * dayMs) / halfHoursADay,
  )
  return [...new Set(times.map((time) => recordAt(prices, time)))].filter(isRecord)
}

function isRecord(record: ModelPrice | undefined): record is ModelPrice {
  return record !== undefined
}

type Conditional = Extract<ModelInfo['prices'], readonly unknown[]>

/** The last record whose condition holds; the first where none does. */
function recordAt(prices: Conditional, atMs: number): ModelPrice | undefined {
  const found = prices.findLast(({ constraint }) => {
    if (constraint === undefined) return true
    if (constraint.type === 'start_date') return atMs >= Date.parse(constraint.start_date)
    const second = (atMs % dayMs) / 1000
    const [start, end] = [secondOf(constraint.start_time), secondOf(constraint.end_time)]
    return end < start ? second >= start || second < end : second >= start && second < end
  })
  return (found ?? prices[0])?.prices
}

/** Seconds since midnight UTC of `16:30:00Z`. */
function secondOf(time: string): number {
  const at = Date.parse(`1970-01-01T${time}`)
  return (((at % dayMs) + dayMs) % dayMs) / 1000
}

const counted = [
  'input_mtok',
  'cache_read_mtok',
  'cache_write_mtok',
  'cache_write_1h_mtok',
  'output_mtok',
  'output_reasoning_mtok',
  'requests_kcount',
]
const mediaInput = ['input_audio_mtok', 'input_image_mtok', 'input_video_mtok']
const mediaOutput = ['output_audio_mtok', 'output_image_mtok', 'output_video_mtok']
/** Cheaper than the same tokens that are not cached, at which they are counted. */
const cachedMedia = ['cache_audio_read_mtok', 'cache_image_read_mtok']
const allCounted = new Set([...counted, ...mediaInput, ...mediaOutput, ...cachedMedia])

/** The dearest of the records, price by price; undefined for what is not sold by the token. */
export function priceListOf(records: readonly ModelPrice[]): Omit<ListedPrice, 'from'> | undefined {
  const base = ratesAt(records, 0)
  if (base === undefined) return undefined
  const starts = [
    ...new Set(
      records.flatMap((record) => Object.values(record).flatMap((price) => startsOf(price))),
    ),
  ].toSorted((one, other) => one - other)
  const tiers = starts.flatMap((start): TierList[] => {
    const rates = ratesAt(records, start + 1)
    return rates === undefined ? [] : [{ abovePromptTokens: start, ...rates }]
  })
  const perCall = dearest(records, ['requests_kcount'], 0)
  const notCounted = [...new Set(records.flatMap((record) => Object.keys(record)))]
  return {
    list: {
      ...base,
      ...(tiers.length === 0 ? {} : { tiers }),
      ...(perCall === undefined ? {} : { perCallUsd: decimalOf(perCall / 1000) }),
    },
    notCounted: notCounted.filter((key) => !allCounted.has(key)).toSorted(),
  }
}

/** What no record names is left out; an output without a price of its own costs as the input. */
function ratesAt(records: readonly ModelPrice[], promptTokens: number): RateList | undefined {
  const of = (...keys: string[]): string | undefined => {
    const price = dearest(records, keys, promptTokens)
    return price === undefined ? undefined : decimalOf(price)
  }
  const input = of('input_mtok')
  if (input === undefined) return undefined
  const others = {
    cachedInputPerMillionUsd: of('cache_read_mtok'),
    cacheWritePerMillionUsd: of('cache_write_mtok'),
    cacheWrite1hPerMillionUsd: of('cache_write_1h_mtok'),
    reasoningPerMillionUsd: of('output_reasoning_mtok'),
    mediaInputPerMillionUsd: of(...mediaInput),
    mediaOutputPerMillionUsd: of(...mediaOutput),
  }
  const given = Object.entries(others).filter(([, price]) => price !== undefined)
  return {
    inputPerMillionUsd: input,
    outputPerMillionUsd: of('output_mtok') ?? input,
    ...Object.fromEntries(given),
  }
}

function dearest(
  records: readonly ModelPrice[],
  keys: readonly string[],
  promptTokens: number,
): number | undefined {
  const prices = records.flatMap((record) =>
    keys.flatMap((key) => valueAt(record[key], promptTokens) ?? []),
  )
  return prices.length === 0 ? undefined : Math.max(...prices)
}

function valueAt(price: ModelPrice[string], promptTokens: number): number | undefined {
  if (price === undefined || typeof price === 'number') return price
  const reached = price.tiers.filter((tier) => promptTokens > tier.start)
  return reached.toSorted((one, other) => one.start - other.start).at(-1)?.price ?? price.base
}

function startsOf(price: ModelPrice[string]): number[] {
  return typeof price === 'object' ? price.tiers.map((tier) => tier.start) : []
}

/** A price with at most six decimals, rounded up: 0.08333333333333334 is 0.083334. */
export function decimalOf(price: number): string {
  // Twelve decimals first, which takes away what floating point added: 0.18000000000000002.
  const [whole = '0', fraction = ''] = price.toFixed(12).split('.')
  const kept = BigInt(whole + fraction.slice(0, decimals))
  const rest = /[1-9]/.test(fraction.slice(decimals)) ? 1n : 0n
  const digits = String(kept + rest).padStart(decimals + 1, '0')
  const tail = digits.slice(-decimals).replace(/0+$/, '')
  const head = digits.slice(0, -decimals)
  return tail === '' ? head : `${head}.${tail}`
}
