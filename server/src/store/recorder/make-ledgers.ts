// New ledgers of policies. Where the window was changed within the period that runs, the new ledger
// takes over what the one before had counted: nobody gains room by a change of the window.
import { atMost, budgetUnits } from '../../core/budget/budget.ts'
import { generationOf, type Policy } from '../../core/budget/policy.ts'
import { fillBucket, formatBuckets, type Rolling } from '../../core/budget/rolling.ts'
import type { Period } from '../../core/budget/window.ts'
import type { LedgerRow } from './ledger.ts'
import type { Scope } from './state.ts'

export type NewLedger = {
  readonly scopeId: string
  readonly policy: Policy
  /** What the row says of whom it is for: of a user, a session. */
  readonly subject: string
  readonly period: Period
  /** Ledgers before it, the newest first: the first of them that is there counts. */
  readonly former: readonly string[]
}

type SelectLedgers = (scope: Scope, ids: readonly string[]) => Promise<LedgerRow[]>

const noUnits = budgetUnits.map(() => '0')

/** Writes the rows, and gives them. Must be called while the head's lock is held. */
export async function makeLedgers(
  scope: Scope,
  options: {
    readonly absent: readonly NewLedger[]
    readonly nowMs: number
    readonly selectLedgers: SelectLedgers
  },
): Promise<LedgerRow[]> {
  const { absent, nowMs, selectLedgers } = options
  const ids = absent.flatMap((ledger) => ledger.former)
  const before = ids.length === 0 ? [] : await selectLedgers(scope, ids)
  const byId = new Map(before.map((row) => [row.scope_id, row]))
  const made = absent.map((ledger) => {
    const former = ledger.former.map((id) => byId.get(id)).find((row) => row !== undefined)
    return { ledger, row: newRow(ledger, former, nowMs) }
  })
  const rows = made.map(({ ledger, row }) => ({
    scope_id: row.scope_id,
    limits: row.limits,
    settled: row.settled,
    overrun: row.overrun,
    facts: row.facts,
    policy_id: ledger.policy.policyId,
    subject: ledger.subject,
    start_ms: ledger.period.startMs,
    end_ms: ledger.period.endMs,
    generation: generationOf(ledger.policy),
  }))
  await scope.client.query(
    `INSERT INTO airworthy.ledgers (organisation_id, scope_id, scope, limits, settled, overrun,
      facts, policy_id, subject, window_start, window_end, generation)
    SELECT $1, r.scope_id, 'policy', r.limits, r.settled, r.overrun, r.facts, r.policy_id,
      r.subject, to_timestamp(r.start_ms / 1000.0), to_timestamp(r.end_ms / 1000.0),
      r.generation
    FROM json_to_recordset($2::json) AS r(scope_id uuid, limits bigint[], settled bigint[],
      overrun bigint[], facts json, policy_id uuid, subject text, start_ms bigint, end_ms bigint,
      generation integer)`,
    [scope.organisationId, JSON.stringify(rows)],
  )
  return made.map(({ row }) => row)
}

/** What calls still held in the ledger before counts as settled here: it may yet be used. */
function newRow(ledger: NewLedger, former: LedgerRow | undefined, nowMs: number): LedgerRow {
  const { scopeId, policy } = ledger
  const taken = budgetUnits.map((_unit, at) => (former === undefined ? 0n : takenOf(former, at)))
  const limits = budgetUnits.map((_unit, at) => policy.limits[at])
  const settled = taken.map((amount, at) => least(amount, limits[at]))
  const overrun = taken.map((amount, at) => amount - (settled[at] ?? 0n))
  return {
    scope_id: scopeId,
    scope: 'policy',
    facts: policy.window.kind === 'rolling' ? bucketOf({ settled, overrun, policy, nowMs }) : {},
    limits: limits.map((limit) => limit?.toString() ?? null),
    settled: settled.map(String),
    reserved: noUnits,
    leased: noUnits,
    unknown: noUnits,
    overrun: overrun.map(String),
    policy_id: policy.policyId,
    own_lease: null,
  }
}

function takenOf(row: LedgerRow, at: number): bigint {
  const taken = [row.settled, row.reserved, row.unknown, row.overrun].reduce(
    (sum, amounts) => sum + BigInt(amounts[at] ?? '0'),
    0n,
  )
  return atMost(taken)
}

function least(amount: bigint, limit: bigint | undefined): bigint {
  return limit === undefined || amount <= limit ? amount : limit
}

function bucketOf(of: {
  settled: readonly bigint[]
  overrun: readonly bigint[]
  policy: Policy
  nowMs: number
}): unknown {
  const { settled, overrun, policy, nowMs } = of
  if (policy.window.kind !== 'rolling' || settled.every((amount) => amount === 0n)) return {}
  const rolling: Rolling = { windowMs: policy.window.seconds * 1000, buckets: [] }
  const budgets = budgetUnits.map((unit, at) => ({
    scopeId: '',
    unit,
    limit: 0n,
    settled: settled[at] ?? 0n,
    reserved: 0n,
    unknown: 0n,
    overrun: overrun[at] ?? 0n,
    leasedByOthers: 0n,
    lease: 0n,
  }))
  fillBucket(rolling, budgets, nowMs)
  return { r: formatBuckets(rolling) }
}

/**
 * The limits that the row should have, as an array literal: the policy's, or what is taken already
 * where that is more. Undefined where the row has them.
 */
export function wantedLimits(row: LedgerRow, policy: Policy): string | undefined {
  const wanted = budgetUnits.map((_unit, at) => {
    const limit = policy.limits[at]
    if (limit === undefined) return 'NULL'
    const taken = [row.settled, row.reserved, row.leased, row.unknown].reduce(
      (sum, amounts) => sum + BigInt(amounts[at] ?? '0'),
      0n,
    )
    return String(taken > limit ? taken : limit)
  })
  const isSame = wanted.every((limit, at) => {
    const stored = row.limits[at] ?? 'NULL'
    // Where too much is taken the row's own limit is as good as a lower one: nothing more fits.
    const isKept = stored !== 'NULL' && limit !== 'NULL' && BigInt(limit) !== policy.limits[at]
    return stored === limit || (isKept && BigInt(stored) >= BigInt(limit))
  })
  return isSame ? undefined : `{${wanted.join(',')}}`
}
