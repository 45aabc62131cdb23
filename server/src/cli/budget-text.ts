// Budgets as people read them.
import type { BudgetLedger, BudgetPolicy, BudgetUse, BudgetWindow } from '@airworthy/sdk'
import { durationText } from './duration.ts'
import { dollars } from './terminal.ts'

type Unit = BudgetUse['unit']

const unitNames: Readonly<Record<Unit, string>> = {
  calls: 'calls',
  tokens: 'tokens',
  nano_usd: 'money',
  input_tokens: 'input tokens',
  output_tokens: 'output tokens',
}

export function unitName(unit: Unit): string {
  return unitNames[unit]
}

/** An amount of the unit; null is no limit. */
export function amountText(unit: Unit, amount: string | bigint | null): string {
  if (amount === null) return '-'
  return unit === 'nano_usd' ? dollars(String(amount)) : String(amount)
}

export function windowText(window: BudgetWindow): string {
  if (window.kind === 'calendar') return `${window.unit} ${window.zone}`
  return window.kind === 'rolling' ? `rolling ${durationText(window.seconds)}` : 'whole'
}

/** Whom the budget is for; of a budget for each of them, also whose ledger it is. */
export function subjectText(budget: BudgetPolicy, ledger?: BudgetLedger): string {
  const { scope, subjectName } = budget
  if (scope === 'organisation') return scope
  if (subjectName !== null) return `${scope} ${subjectName}`
  if (ledger === undefined) return `each ${scope}`
  return `each ${scope}: ${ledger.subject === '' ? '(nobody)' : ledger.subject}`
}

const barLength = 10

/** `[######+...]  62.5%`: used for certain or maybe, held by calls in flight, free. */
export function barText(use: BudgetUse): string {
  const { limit, percent } = use
  if (limit === null || percent === null) return '-'
  const used = BigInt(use.settled) + BigInt(use.unknown) + BigInt(use.overrun)
  const taken = used + BigInt(use.reserved) + BigInt(use.leased)
  const usedCells = cellsOf(used, BigInt(limit))
  const takenCells = cellsOf(taken, BigInt(limit))
  const bar = '#'.repeat(usedCells) + '+'.repeat(Math.max(0, takenCells - usedCells))
  return `[${bar.padEnd(barLength, '.')}] ${percent.toFixed(1)}%`
}

/** What is used at all fills a cell. */
function cellsOf(amount: bigint, limit: bigint): number {
  if (amount <= 0n) return limit === 0n ? barLength : 0
  if (amount >= limit) return barLength
  return Math.max(1, Number((amount * BigInt(barLength)) / limit))
}

/** What one of the limits would be used of where nobody has called yet. */
export function emptyUses({ limits }: BudgetPolicy): BudgetUse[] {
  const { calls, tokens, inputTokens, outputTokens, moneyUsd } = limits
  const given: readonly (readonly [Unit, string | undefined])[] = [
    ['calls', calls?.toString()],
    ['tokens', tokens?.toString()],
    ['nano_usd', moneyUsd === undefined ? undefined : nanoUsdOf(moneyUsd)],
    ['input_tokens', inputTokens?.toString()],
    ['output_tokens', outputTokens?.toString()],
  ]
  const none = { settled: '0', reserved: '0', leased: '0', unknown: '0', overrun: '0' }
  return given.flatMap(([unit, limit]) =>
    limit === undefined ? [] : [{ unit, limit, ...none, percent: limit === '0' ? 100 : 0 }],
  )
}

function nanoUsdOf(usd: string): string {
  const [whole = '0', decimals = ''] = usd.split('.')
  return String(BigInt(whole + decimals.padEnd(9, '0')))
}
