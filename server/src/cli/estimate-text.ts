// What `airworthy estimate` prints.
import type { Averages, DeclaredEstimate, Expected, Spread } from '../core/pricing/estimate.ts'
import type { Prices } from '../core/pricing/prices.ts'
import type { RecordedResult } from './estimate-records.ts'
import { note, printJson, printTable } from './terminal.ts'

type DeclaredRow = {
  readonly model: string
  readonly prices: Prices
  readonly estimate: DeclaredEstimate
}

export function printDeclared(
  rows: readonly DeclaredRow[],
  averages: Averages,
  isJson: boolean,
): void {
  if (isJson) {
    const models = rows.map(({ model, prices, estimate }) => ({
      ...pricesOf(model, prices),
      request: expectedJson(estimate.request),
      session: expectedJson(estimate.session),
      day: expectedJson(estimate.day),
      month: expectedJson(estimate.month),
    }))
    printJson({ from: 'averages', averages, models })
    return
  }
  printTable(
    ['model', 'request', 'session', 'day', 'month', 'month from', 'to'],
    rows.map(({ model, estimate }) => [
      model,
      usd(estimate.request.expected),
      usd(estimate.session.expected),
      usd(estimate.day.expected),
      usd(estimate.month.expected),
      usd(estimate.month.low),
      usd(estimate.month.high),
    ]),
  )
  const { low, high } = averages.marginPercent
  note(
    `${averages.steps} requests a session, ${averages.sessionsADay} sessions a day, 30 days a month; ` +
      `loops add ${low} to ${high} %`,
  )
}

export function printRecorded(result: RecordedResult, isJson: boolean): void {
  const { rows, ...about } = result
  if (isJson) {
    const models = rows.map(({ model, prices, estimate }) => ({
      ...(prices === undefined ? { model } : pricesOf(model, prices)),
      request: spreadJson(estimate.request),
      session: spreadJson(estimate.session),
      day: expectedJson(estimate.day),
      month: expectedJson(estimate.month),
    }))
    printJson({ from: 'records', ...about, days: about.days ?? null, models })
    return
  }
  printTable(
    [
      'model',
      'request p10',
      'p50',
      'p90',
      'session p10',
      'p50',
      'p90',
      'day',
      'month',
      'from',
      'to',
    ],
    rows.map(({ model, estimate: { request, session, day, month } }) => [
      model,
      usd(request.p10),
      usd(request.p50),
      usd(request.p90),
      usd(session.p10),
      usd(session.p50),
      usd(session.p90),
      usd(day.expected),
      usd(month.expected),
      usd(month.low),
      usd(month.high),
    ]),
  )
  note(
    `${about.calls} calls of ${about.sessions} sessions; ` +
      `${about.sessionsPerDay.toPrecision(3)} sessions a day, 30 days a month`,
  )
}

function pricesOf(model: string, prices: Prices) {
  const { source, from, edition, hash } = prices
  return { model, prices: { source, from, edition, hash } }
}

function expectedJson({ low, expected, high }: Expected) {
  return {
    lowNanoUsd: String(low),
    expectedNanoUsd: String(expected),
    highNanoUsd: String(high),
  }
}

function spreadJson({ p10, p50, p90, mean }: Spread) {
  return {
    p10NanoUsd: String(p10),
    p50NanoUsd: String(p50),
    p90NanoUsd: String(p90),
    meanNanoUsd: String(mean),
  }
}

/** Cents of a month, millionths of a request: three digits that matter. */
function usd(nanoUsd: bigint): string {
  const value = Number(nanoUsd) / 1e9
  if (value >= 100) return `$${value.toFixed(0)}`
  return value === 0 ? '$0' : `$${Number(value.toPrecision(3))}`
}
