// What an agent will cost: from calls that were recorded, priced again for each model, or from
// declared averages. Sums are exact nano-USD; only the spread of a mean is estimated.
import { costNanoUsd, type PricedUsage, type Prices } from './prices.ts'

/** Nano-USD. Percentiles are calls or sessions that were recorded, by nearest rank. */
export type Spread = {
  readonly p10: bigint
  readonly p50: bigint
  readonly p90: bigint
  readonly mean: bigint
}

/** Nano-USD that are expected, and a range. */
export type Expected = { readonly low: bigint; readonly expected: bigint; readonly high: bigint }

export type RecordedEstimate = {
  readonly request: Spread
  readonly session: Spread
  readonly day: Expected
  readonly month: Expected
}

export const daysAMonth = 30

/** A mean of so many sessions lies in this many of its standard errors, 19 times of 20. */
const standardErrors = 1.96

/** Calls by session, and what each costs. `sessionsADay` may be a fraction. */
export function estimateRecorded(
  sessions: readonly (readonly PricedUsage[])[],
  costOf: (usage: PricedUsage) => bigint,
  sessionsADay: number,
): RecordedEstimate {
  const costs = sessions.map((calls) => calls.map(costOf))
  const sums = costs.map((calls) => calls.reduce((sum, cost) => sum + cost, 0n))
  return {
    request: spreadOf(costs.flat()),
    session: spreadOf(sums),
    day: expectedOf(sums, sessionsADay),
    month: expectedOf(sums, sessionsADay * daysAMonth),
  }
}

function spreadOf(costs: readonly bigint[]): Spread {
  const sorted = costs.toSorted((one, other) => (one < other ? -1 : one > other ? 1 : 0))
  const rank = (part: number): bigint =>
    sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0n
  const sum = sorted.reduce((total, cost) => total + cost, 0n)
  const mean = sorted.length === 0 ? 0n : divideUp(sum, BigInt(sorted.length))
  return { p10: rank(0.1), p50: rank(0.5), p90: rank(0.9), mean }
}

/** So many sessions at the mean cost, and how far that mean may be off. */
function expectedOf(sums: readonly bigint[], times: number): Expected {
  const costs = sums.map(Number)
  const mean = costs.reduce((sum, cost) => sum + cost, 0) / Math.max(1, costs.length)
  const squares = costs.reduce((sum, cost) => sum + (cost - mean) ** 2, 0)
  const error = Math.sqrt(squares / Math.max(1, costs.length - 1) / Math.max(1, costs.length))
  const scaled = (cost: number): bigint => BigInt(Math.ceil(Math.max(0, cost) * times))
  return {
    low: scaled(mean - standardErrors * error),
    expected: scaled(mean),
    high: scaled(mean + standardErrors * error),
  }
}

/** Averages of one request, and of a session of so many. */
export type Averages = {
  readonly systemTokens: number
  readonly contextTokens: number
  readonly queryTokens: number
  readonly outputTokens: number
  /** What a tool's result adds to the prompt of the steps after it. */
  readonly resultTokens: number
  /** Requests of a session. */
  readonly steps: number
  readonly sessionsADay: number
  /** Per cent of a prompt that the provider reads from its cache: 0 to 100. */
  readonly cachedPercent: number
  /** Per cent that loops and retries add, at least and at most. */
  readonly marginPercent: { readonly low: number; readonly high: number }
}

export type DeclaredEstimate = {
  readonly request: Expected
  readonly session: Expected
  readonly day: Expected
  readonly month: Expected
}

/**
 * Each step sends the system prompt, the context, the query, and what the steps before it said and
 * found. Requests are the mean over a session's steps.
 */
export function estimateDeclared(averages: Averages, prices: Prices): DeclaredEstimate {
  const { steps, sessionsADay, marginPercent } = averages
  let session = 0n
  for (let step = 0; step < steps; step += 1)
    session += costNanoUsd(prices, stepUsage(averages, step))
  const range = (cost: bigint): Expected => ({
    low: withMargin(cost, marginPercent.low),
    expected: withMargin(cost, (marginPercent.low + marginPercent.high) / 2),
    high: withMargin(cost, marginPercent.high),
  })
  return {
    // A loop adds requests; it does not make one dearer.
    request: exactly(divideUp(session, BigInt(Math.max(1, steps)))),
    session: range(session),
    day: range(scaledBy(session, sessionsADay)),
    month: range(scaledBy(session, sessionsADay * daysAMonth)),
  }
}

/** The usage of a step, counted from 0. */
export function stepUsage(averages: Averages, step: number): PricedUsage {
  const { systemTokens, contextTokens, queryTokens, outputTokens, resultTokens } = averages
  const before = step * (outputTokens + resultTokens)
  const promptTokens = systemTokens + contextTokens + queryTokens + before
  const cachedTokens = Math.floor((promptTokens * averages.cachedPercent) / 100)
  return { promptTokens, cachedTokens, completionTokens: outputTokens }
}

function exactly(cost: bigint): Expected {
  return { low: cost, expected: cost, high: cost }
}

/** Rounded up; a tenth of a per cent is the finest margin. */
function withMargin(cost: bigint, percent: number): bigint {
  return divideUp(cost * BigInt(1000 + Math.round(percent * 10)), 1000n)
}

function divideUp(sum: bigint, by: bigint): bigint {
  return (sum + by - 1n) / by
}

function scaledBy(cost: bigint, factor: number): bigint {
  return BigInt(Math.ceil(Number(cost) * factor))
}
