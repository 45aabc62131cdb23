// What an agent does in an hour, against what it used to do: a mean and a deviation that forget
// slowly, over the hours in which it worked. Pure; whole hours since the Unix epoch.
import type { Measure, RateLimits } from './escalation.ts'

export type Rates = {
  /** The hour that is counted. */
  readonly hour: number
  readonly calls: number
  /** As it is reserved: the worst case of each call, so that an hour is like another. */
  readonly nanoUsd: bigint
  /** Hours with at least one call before this one. */
  readonly hours: number
  readonly meanCalls: number
  readonly varianceCalls: number
  /** In nano-USD. */
  readonly meanSpend: number
  readonly varianceSpend: number
}

const hourMs = 3_600_000
/** An hour weighs this much against all before it: half of what is known is a week of work old. */
const weight = 0.05
/** An hour may be this many times the mean whatever the deviation says. */
const meanTimes = 2

export function hourOf(nowMs: number): number {
  return Math.floor(nowMs / hourMs)
}

export const noRates: Rates = {
  hour: 0,
  calls: 0,
  nanoUsd: 0n,
  hours: 0,
  meanCalls: 0,
  varianceCalls: 0,
  meanSpend: 0,
  varianceSpend: 0,
}

/** The rates as of an hour: what was counted before it has become history. */
export function ratesAt(rates: Rates, hour: number, limits: RateLimits): Rates {
  if (hour <= rates.hour) return rates
  const next = { ...rates, hour, calls: 0, nanoUsd: 0n }
  if (rates.calls === 0) return next
  // An odd hour must not make the next one normal: it counts as much as an hour may be.
  const calls = Math.min(rates.calls, limitOf(rates, 'calls', limits))
  const spend = Math.min(Number(rates.nanoUsd), limitOf(rates, 'spend', limits))
  const isFirst = rates.hours === 0
  const [meanCalls, varianceCalls] = learn([rates.meanCalls, rates.varianceCalls], calls, isFirst)
  const [meanSpend, varianceSpend] = learn([rates.meanSpend, rates.varianceSpend], spend, isFirst)
  return { ...next, hours: rates.hours + 1, meanCalls, varianceCalls, meanSpend, varianceSpend }
}

function learn(
  [mean, variance]: readonly [number, number],
  value: number,
  isFirst: boolean,
): [mean: number, variance: number] {
  if (isFirst) return [value, 0]
  const difference = value - mean
  const step = weight * difference
  return [mean + step, (1 - weight) * (variance + difference * step)]
}

/** The most that an hour may have; no limit before there is history. */
export function limitOf(rates: Rates, measure: Measure, limits: RateLimits): number {
  if (rates.hours < limits.hoursMin) return Number.POSITIVE_INFINITY
  const isCalls = measure === 'calls'
  const mean = isCalls ? rates.meanCalls : rates.meanSpend
  const variance = isCalls ? rates.varianceCalls : rates.varianceSpend
  const least = isCalls ? limits.callsMin : Number(limits.nanoUsdMin)
  return Math.max(mean + limits.deviations * Math.sqrt(variance), mean * meanTimes, least)
}

/** What the hour has too much of once a call of this worst case is added. */
export function findAnomalies(
  rates: Rates,
  call: { readonly nanoUsd: bigint },
  limits: RateLimits,
): Measure[] {
  const measures: Measure[] = []
  if (rates.calls + 1 > limitOf(rates, 'calls', limits)) measures.push('calls')
  if (Number(rates.nanoUsd + call.nanoUsd) > limitOf(rates, 'spend', limits)) measures.push('spend')
  return measures
}

export function addCall(rates: Rates, call: { readonly nanoUsd: bigint }): Rates {
  return { ...rates, calls: rates.calls + 1, nanoUsd: rates.nanoUsd + call.nanoUsd }
}
