// The ledgers of money limits: read, and made where a call is the first of its window.
import { carriedKeys, type LedgerPlace } from '../../core/money/carry.ts'
import { generationOf } from '../../core/budget/policy.ts'
import { fillBucket, type Rolling } from '../../core/budget/rolling.ts'
import {
  emptyTally,
  formatMoneyBuckets,
  type MoneyUnit,
  parseMoneyBuckets,
  type StoredMoneyBucket,
  type Tally,
} from '../../core/money/ledger.ts'
import type { KnownLimit } from '../money/money-limit-rows.ts'
import type { KnownMoneyLedger, MoneyState } from './money-state.ts'
import { ledgerIdOf } from './policies.ts'
import type { Scope } from './state.ts'

export type NewMoneyLedger = {
  readonly ledgerId: string
  readonly limit: KnownLimit
  /** What the row says of whom it is for. */
  readonly subject: string
  /** What its id is made of: the subject, and a counterparty's digest. */
  readonly whose: string
  readonly place: LedgerPlace
}

type Row = {
  ledger_id: string
  limit_id: string
  settled: string
  reserved: string
  count_settled: string
  count_reserved: string
  carried: string
  count_carried: string
  buckets: StoredMoneyBucket[]
}

async function selectRows(scope: Scope, ids: readonly string[]): Promise<Row[]> {
  const found = await scope.client.query<Row>(
    `SELECT ledger_id, limit_id, settled, reserved, count_settled, count_reserved, carried,
      count_carried, buckets
    FROM airworthy.money_ledgers WHERE organisation_id = $1 AND ledger_id = ANY($2::uuid[])`,
    [scope.organisationId, ids],
  )
  return found.rows
}

export async function loadMoneyLedgers(
  scope: Scope,
  money: MoneyState,
  of: { readonly ids: readonly string[]; readonly limits: ReadonlyMap<string, KnownLimit> },
): Promise<void> {
  if (of.ids.length === 0) return
  for (const row of await selectRows(scope, of.ids)) {
    const limit = of.limits.get(row.limit_id)
    if (limit === undefined) throw new Error(`the limit of the ledger ${row.ledger_id} is gone`)
    money.ledgers.set(row.ledger_id, ledgerOfRow(row, limit))
  }
}

function ledgerOfRow(row: Row, limit: KnownLimit): KnownMoneyLedger {
  const minor = emptyTally('minor', limit.max)
  minor.settled = BigInt(row.settled)
  minor.reserved = BigInt(row.reserved)
  const count = emptyTally('count', limit.countMax)
  count.settled = BigInt(row.count_settled)
  count.reserved = BigInt(row.count_reserved)
  const { window } = limit
  const rolling =
    window.kind === 'rolling'
      ? { windowMs: window.seconds * 1000, buckets: parseMoneyBuckets(row.buckets) }
      : undefined
  const ceilings = { minor: ceilingOf(minor), count: ceilingOf(count) }
  return { ledgerId: row.ledger_id, limit, minor, count, rolling, ceilings }
}

/** The limit, or what is taken already where it was set below that. */
function ceilingOf({ limit, settled, reserved }: Tally): bigint | undefined {
  const taken = settled + reserved
  return limit === undefined || limit >= taken ? limit : taken
}

/** What is taken over the limit on purpose must not be stopped by the row's own check. */
export function raiseCeilings({ ceilings, minor, count }: KnownMoneyLedger): void {
  ceilings.minor = greater(ceilings.minor, ceilingOf(minor))
  ceilings.count = greater(ceilings.count, ceilingOf(count))
}

function greater(one: bigint | undefined, other: bigint | undefined): bigint | undefined {
  return one === undefined || other === undefined || one > other ? one : other
}

/** Writes the rows. Must be called while the head's lock is held. */
export async function makeMoneyLedgers(
  scope: Scope,
  money: MoneyState,
  of: { readonly absent: readonly NewMoneyLedger[]; readonly nowMs: number },
): Promise<void> {
  const made: { readonly wanted: NewMoneyLedger; readonly ledger: KnownMoneyLedger }[] = []
  for (const wanted of of.absent) {
    const ledger = await newLedger(scope, wanted, of.nowMs)
    money.ledgers.set(ledger.ledgerId, ledger)
    made.push({ wanted, ledger })
  }
  const rows = made.map(({ wanted, ledger }) => ({
    ledger_id: ledger.ledgerId,
    limit_id: wanted.limit.limitId,
    subject: wanted.subject,
    start_ms: wanted.place.period.startMs,
    end_ms: wanted.place.period.endMs,
    generation: generationOf(wanted.limit),
    ceiling: ledger.ceilings.minor?.toString(),
    count_ceiling: ledger.ceilings.count?.toString(),
    settled: ledger.minor.settled.toString(),
    count_settled: ledger.count.settled.toString(),
    // What rolls leaves its ledger, so that nobody can tell it apart later.
    carried: ledger.rolling === undefined ? ledger.minor.settled.toString() : '0',
    count_carried: ledger.rolling === undefined ? ledger.count.settled.toString() : '0',
    buckets: ledger.rolling === undefined ? [] : formatMoneyBuckets(ledger.rolling),
  }))
  await scope.client.query(
    `INSERT INTO airworthy.money_ledgers (organisation_id, ledger_id, limit_id, subject,
      window_start, window_end, generation, ceiling, count_ceiling, settled, count_settled,
      carried, count_carried, buckets)
    SELECT $1, r.ledger_id, r.limit_id, r.subject, to_timestamp(r.start_ms / 1000.0),
      to_timestamp(r.end_ms / 1000.0), r.generation, r.ceiling, r.count_ceiling, r.settled,
      r.count_settled, r.carried, r.count_carried, r.buckets
    FROM json_to_recordset($2::json) AS r(ledger_id uuid, limit_id uuid, subject text,
      start_ms bigint, end_ms bigint, generation integer, ceiling numeric, count_ceiling bigint,
      settled numeric, count_settled bigint, carried numeric, count_carried bigint, buckets json)`,
    [scope.organisationId, JSON.stringify(rows)],
  )
}

/** What the windows before counted of the same subject counts as settled here. */
async function newLedger(
  scope: Scope,
  wanted: NewMoneyLedger,
  nowMs: number,
): Promise<KnownMoneyLedger> {
  const { limit, whose, ledgerId } = wanted
  const keys = carriedKeys(limit, nowMs)
  const ids = keys.map((key) => ledgerIdOf(limit, { subject: whose, key }))
  const before = ids.length === 0 ? [] : await selectRows(scope, ids)
  const minor = emptyTally('minor', limit.max)
  const count = emptyTally('count', limit.countMax)
  for (const row of before) {
    minor.settled += ownOf(row.settled, row.reserved, row.carried)
    count.settled += ownOf(row.count_settled, row.count_reserved, row.count_carried)
  }
  const { window } = limit
  const rolling: Rolling<MoneyUnit> | undefined =
    window.kind === 'rolling' ? { windowMs: window.seconds * 1000, buckets: [] } : undefined
  if (rolling !== undefined) fillBucket(rolling, [minor, count], nowMs)
  const ceilings = { minor: ceilingOf(minor), count: ceilingOf(count) }
  return { ledgerId, limit, minor, count, rolling, ceilings }
}

function ownOf(settled: string, reserved: string, carried: string): bigint {
  const own = BigInt(settled) + BigInt(reserved) - BigInt(carried)
  return own > 0n ? own : 0n
}
