// A ledger: the row that holds what a session, an agent or a subject of a policy has used.
import {
  type Amounts,
  type Bucket,
  type Budget,
  budgetUnits,
  holdAsUnknown,
  lessen,
  noLimit,
  settle,
  settleAtLeast,
} from '../../core/budget/budget.ts'
import type { Policy } from '../../core/budget/policy.ts'
import {
  expireBuckets,
  fillBucket,
  formatBuckets,
  parseBuckets,
  type Rolling,
  type StoredBucket,
} from '../../core/budget/rolling.ts'
import { type Facts, formatFacts } from './session-facts.ts'

export type Ledger = {
  readonly scopeId: string
  readonly scope: 'session' | 'agent' | 'policy'
  readonly facts: Facts | undefined
  /** What is limited; of a policy all units, because a limit may be set later. */
  readonly budgets: readonly Budget[]
  /** In the order of `budgetUnits`; undefined where there is no limit. */
  readonly byUnit: readonly (Budget | undefined)[]
  readonly use?: PolicyUse | undefined
}

/** What a ledger of a policy knows beside its budgets. */
export type PolicyUse = {
  readonly policy: Policy
  readonly rolling: Rolling | undefined
  /** When each threshold was told last: percent to milliseconds. */
  readonly told: Map<number, number>
}

export type LedgerRow = {
  scope_id: string
  scope: Ledger['scope']
  facts: unknown
  limits: (string | null)[]
  settled: string[]
  reserved: string[]
  leased: string[]
  unknown: string[]
  overrun: string[]
  policy_id: string | null
  /** What this replica leases of it. */
  own_lease: string[] | null
}

/** The ledger of a session or an agent. Rows of earlier releases have three units. */
export function parseLedger(
  row: LedgerRow | undefined,
  place: Pick<Ledger, 'scopeId' | 'scope' | 'facts'>,
): Ledger {
  if (row === undefined) return { ...place, budgets: [], byUnit: budgetUnits.map(() => undefined) }
  return withBudgets(place, budgetsOf(row, row.limits.map(bigintOf)))
}

/** The ledger of a policy's subject. Its limits are the policy's, also where more is used already. */
export function parsePolicyLedger(row: LedgerRow, policy: Policy): Ledger {
  const limits = budgetUnits.map((_unit, at) => policy.limits[at] ?? noLimit)
  const stored = parseStored(row.facts)
  const { window } = policy
  const rolling =
    window.kind === 'rolling'
      ? { windowMs: window.seconds * 1000, buckets: parseBuckets(stored.r ?? []) }
      : undefined
  const told = new Map(stored.a ?? [])
  const place = { scopeId: row.scope_id, scope: 'policy', facts: undefined } as const
  return { ...withBudgets(place, budgetsOf(row, limits)), use: { policy, rolling, told } }
}

function bigintOf(text: string | null): bigint | undefined {
  return text === null ? undefined : BigInt(text)
}

function withBudgets(
  place: Pick<Ledger, 'scopeId' | 'scope' | 'facts'>,
  budgets: readonly Budget[],
): Ledger {
  const byUnit = budgetUnits.map((unit) => budgets.find((budget) => budget.unit === unit))
  return { ...place, budgets, byUnit }
}

function budgetsOf(row: LedgerRow, limits: readonly (bigint | undefined)[]): Budget[] {
  return budgetUnits.flatMap((unit, at) => {
    const limit = limits[at]
    if (limit === undefined) return []
    const lease = BigInt(row.own_lease?.[at] ?? '0')
    return [
      {
        scopeId: row.scope_id,
        unit,
        limit,
        settled: BigInt(row.settled[at] ?? '0'),
        reserved: BigInt(row.reserved[at] ?? '0'),
        unknown: BigInt(row.unknown[at] ?? '0'),
        overrun: BigInt(row.overrun[at] ?? '0'),
        leasedByOthers: BigInt(row.leased[at] ?? '0') - lease,
        lease,
      },
    ]
  })
}

/** How a policy's ledger keeps its buckets, and the thresholds that it told of. */
type StoredUse = { r?: StoredBucket[]; a?: [threshold: number, toldAtMs: number][] }

function parseStored(facts: unknown): StoredUse {
  return typeof facts === 'object' && facts !== null ? facts : {}
}

/** As JSON text. */
export function formatLedgerFacts({ facts, use }: Ledger): string {
  if (facts !== undefined) return JSON.stringify(formatFacts(facts))
  if (use === undefined) return '{}'
  const { rolling, told } = use
  const stored: StoredUse = {
    ...(rolling === undefined ? {} : { r: formatBuckets(rolling) }),
    ...(told.size === 0 ? {} : { a: [...told] }),
  }
  return JSON.stringify(stored)
}

/** The five numbers of each column, as array literals. */
export function formatColumns(
  ledger: Ledger,
): Record<'settled' | 'reserved' | 'leased' | 'unknown' | 'overrun', string> {
  const list = (numberOf: (budget: Budget) => bigint): string =>
    `{${ledger.byUnit.map((budget) => (budget === undefined ? 0n : numberOf(budget))).join(',')}}`
  return {
    settled: list((budget) => budget.settled),
    reserved: list((budget) => budget.reserved),
    leased: list((budget) => budget.leasedByOthers + budget.lease),
    unknown: list((budget) => budget.unknown),
    overrun: list((budget) => budget.overrun),
  }
}

/** Must be called before a rolling ledger is asked for room. */
export function bringToNow(ledger: Ledger, nowMs: number): void {
  const rolling = ledger.use?.rolling
  if (rolling !== undefined) expireBuckets(rolling, ledger.budgets, nowMs)
}

/** What became of a call's reservation. */
export type CallEnd = {
  readonly bucket: Bucket
  readonly held: Amounts
  /** Settled while the rest became unknown, before this. */
  readonly settledBefore: Amounts | undefined
  /** Undefined: unknown, but for what was used for certain. */
  readonly used: Amounts | undefined
  readonly usedAtLeast: Amounts | undefined
}

export function endCall(budgets: readonly Budget[], end: CallEnd): void {
  const { bucket, held, settledBefore, used, usedAtLeast } = end
  if (used === undefined) {
    if (bucket === 'unknown') return
    if (usedAtLeast === undefined) holdAsUnknown(budgets, held)
    else settleAtLeast(budgets, { held, atLeast: usedAtLeast })
    return
  }
  if (settledBefore === undefined) settle(budgets, { from: bucket, held, used })
  else {
    // What was settled for certain stays: only the rest is found out.
    const rest = { held: lessen(held, settledBefore), used: lessen(used, settledBefore) }
    settle(budgets, { from: bucket, ...rest })
  }
}

/** The same of a policy's ledger, where what is settled may leave a rolling window later. */
export function endCallIn(ledger: Ledger, end: CallEnd, nowMs: number): void {
  bringToNow(ledger, nowMs)
  endCall(ledger.budgets, end)
  const rolling = ledger.use?.rolling
  if (rolling !== undefined) fillBucket(rolling, ledger.budgets, nowMs)
}

export function amountsOf(row: readonly (string | null)[]): Amounts {
  const [calls, tokens, nanoUsd, inputTokens, outputTokens] = row.map((text) => BigInt(text ?? '0'))
  return {
    calls: calls ?? 0n,
    tokens: tokens ?? 0n,
    nanoUsd: nanoUsd ?? 0n,
    inputTokens: inputTokens ?? 0n,
    outputTokens: outputTokens ?? 0n,
  }
}

/** An array literal in the order of the units. */
export function formatAmounts(amounts: Amounts): string {
  const { calls, tokens, nanoUsd, inputTokens, outputTokens } = amounts
  return `{${calls},${tokens},${nanoUsd},${inputTokens},${outputTokens}}`
}
