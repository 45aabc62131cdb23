// A budget's arithmetic. The law: settled + reserved + leased + unknown <= limit, at every instant.
// `leased` is what replicas may spend while an intent still commits; `overrun` is what a provider
// reported above its reservation: it is kept apart, and it exhausts the budget.

export type BudgetUnit = 'calls' | 'tokens' | 'nano_usd' | 'input_tokens' | 'output_tokens'

export type Budget = {
  /** The session or the agent whose budget it is. */
  readonly scopeId: string
  readonly unit: BudgetUnit
  readonly limit: bigint
  settled: bigint
  reserved: bigint
  unknown: bigint
  overrun: bigint
  /** Leased by other replicas. */
  leasedByOthers: bigint
  /** Leased by this replica, as it is durable once the current batch is. */
  lease: bigint
}

/** The order in which a ledger's arrays hold the units. */
export const budgetUnits: readonly BudgetUnit[] = [
  'calls',
  'tokens',
  'nano_usd',
  'input_tokens',
  'output_tokens',
]

/** What one call may use, per unit. `tokens` are all of them: input and output. */
export type Amounts = {
  readonly calls: bigint
  readonly tokens: bigint
  readonly nanoUsd: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
}

/** The limit of a unit that is only counted: the largest number that a budget can hold. */
export const noLimit = 9_223_372_036_854_775_807n

export const noAmounts: Amounts = {
  calls: 0n,
  tokens: 0n,
  nanoUsd: 0n,
  inputTokens: 0n,
  outputTokens: 0n,
}

/** What a call uses that is no model's. */
export const oneCall: Amounts = { ...noAmounts, calls: 1n }

export function amountIn(amounts: Amounts, unit: BudgetUnit): bigint {
  if (unit === 'calls') return amounts.calls
  if (unit === 'tokens') return amounts.tokens
  if (unit === 'nano_usd') return amounts.nanoUsd
  return unit === 'input_tokens' ? amounts.inputTokens : amounts.outputTokens
}

/** What a new call of this replica may still reserve: its own lease included. */
export function available(budget: Budget): bigint {
  const taken = budget.settled + budget.reserved + budget.unknown + budget.overrun
  const left = budget.limit - taken - budget.leasedByOthers
  return left > 0n ? left : 0n
}

/** The first budget that the amounts would pass, or undefined when all of them hold. */
export function firstExceeded(budgets: readonly Budget[], amounts: Amounts): Budget | undefined {
  return budgets.find((budget) => {
    const amount = amountIn(amounts, budget.unit)
    return amount > 0n && amount > available(budget)
  })
}

/** Moves the amounts into `reserved`. The lease gives way where the limit leaves no room for both. */
export function reserve(budgets: readonly Budget[], amounts: Amounts): void {
  for (const budget of budgets) {
    budget.reserved += amountIn(amounts, budget.unit)
    trimLease(budget)
  }
}

export type Bucket = 'reserved' | 'unknown'

/**
 * Settles what was reserved (or unknown) with what was really used. What passes the limit becomes
 * overrun, so that the law holds although a provider reported more than the bound it was given.
 */
export function settle(
  budgets: readonly Budget[],
  settlement: { from: Bucket; held: Amounts; used: Amounts },
): void {
  for (const budget of budgets) {
    budget[settlement.from] -= heldIn(budget, settlement.from, settlement.held)
    const used = amountIn(settlement.used, budget.unit)
    const room = budget.limit - budget.settled - budget.reserved - budget.unknown
    const fits = room - budget.leasedByOthers - budget.overrun
    const settled = used <= fits ? used : fits > 0n ? fits : 0n
    budget.settled += settled
    budget.overrun = atMost(budget.overrun + used - settled)
    trimLease(budget)
  }
}

/** No more than a ledger can hold: what a provider reports may be absurd. */
export function atMost(amount: bigint): bigint {
  return amount <= noLimit ? amount : noLimit
}

/** A limit that is set while a call is in flight finds nothing of that call in its budget. */
function heldIn(budget: Budget, bucket: Bucket, held: Amounts): bigint {
  const amount = amountIn(held, budget.unit)
  return amount <= budget[bucket] ? amount : budget[bucket]
}

/**
 * Settles what was used for certain of a call whose end is not known; the rest of what it held
 * becomes unknown. What passes the hold is an overrun, as far as the limit leaves no room.
 */
export function settleAtLeast(
  budgets: readonly Budget[],
  call: { held: Amounts; atLeast: Amounts },
): void {
  for (const budget of budgets) {
    const known = amountIn(call.atLeast, budget.unit)
    const held = heldIn(budget, 'reserved', call.held)
    const rest = held > known ? held - known : 0n
    budget.reserved -= rest
    budget.unknown += rest
  }
  settle(budgets, { from: 'reserved', held: lesser(call.held, call.atLeast), used: call.atLeast })
}

/** What is left of amounts once others are taken off; never less than nothing. */
export function lessen(amounts: Amounts, by: Amounts): Amounts {
  return combine(amounts, by, (one, other) => (one > other ? one - other : 0n))
}

function lesser(amounts: Amounts, others: Amounts): Amounts {
  return combine(amounts, others, (one, other) => (one < other ? one : other))
}

function combine(
  one: Amounts,
  other: Amounts,
  choose: (one: bigint, other: bigint) => bigint,
): Amounts {
  return {
    calls: choose(one.calls, other.calls),
    tokens: choose(one.tokens, other.tokens),
    nanoUsd: choose(one.nanoUsd, other.nanoUsd),
    inputTokens: choose(one.inputTokens, other.inputTokens),
    outputTokens: choose(one.outputTokens, other.outputTokens),
  }
}

/**
 * The largest number from `min` to `max` whose amounts fit all budgets, which must not shrink as it
 * grows. Undefined where not even `min` fits.
 */
export function largestFit(
  budgets: readonly Budget[],
  range: { min: bigint; max: bigint; amounts: (count: bigint) => Amounts },
): bigint | undefined {
  const fits = (count: bigint): boolean =>
    firstExceeded(budgets, range.amounts(count)) === undefined
  let { min, max } = range
  if (max < min || !fits(min)) return undefined
  while (min < max) {
    const middle = (min + max + 1n) / 2n
    if (fits(middle)) min = middle
    else max = middle - 1n
  }
  return min
}

/** What is held becomes unknown: it stays counted until somebody finds out. */
export function holdAsUnknown(budgets: readonly Budget[], held: Amounts): void {
  for (const budget of budgets) {
    const amount = heldIn(budget, 'reserved', held)
    budget.reserved -= amount
    budget.unknown += amount
  }
}

/** Sets the lease to what the next batch may need, as far as the limit allows. */
export function growLease(budget: Budget, target: bigint): void {
  if (budget.lease >= target) return
  const room = available(budget)
  budget.lease = target <= room ? target : room
}

function trimLease(budget: Budget): void {
  const room = available(budget)
  if (budget.lease > room) budget.lease = room
}
