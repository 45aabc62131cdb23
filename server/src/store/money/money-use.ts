// What limits on money have counted: settled, held by calls in flight, and held by calls whose end
// nobody knows.
import { type Kysely, sql } from 'kysely'
import { generationOf } from '../../core/budget/policy.ts'
import { expireBuckets } from '../../core/budget/rolling.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { emptyTally, parseMoneyBuckets, type StoredMoneyBucket } from '../../core/money/ledger.ts'
import type { KnownLimit } from './money-limit-rows.ts'
import type { Schema } from '../schema/schema.ts'

type Use = { readonly settled: bigint; readonly reserved: bigint; readonly unknown: bigint }

export type MoneyLedgerUse = {
  readonly ledgerId: string
  readonly subject: string
  readonly windowStart: Date
  readonly windowEnd: Date | null
  readonly minor: Use
  readonly count: Use
}

type Row = {
  ledger_id: string
  limit_id: string
  subject: string
  window_start: Date
  window_end: Date | null
  settled: string
  reserved: string
  count_settled: string
  count_reserved: string
  buckets: StoredMoneyBucket[]
  unknown: string
  count_unknown: string
  now_ms: string
}

/** The ledgers that count now, those with most use first; at most so many of each limit. */
export async function readMoneyUse(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly limits: readonly KnownLimit[]; readonly ledgersMax: number },
): Promise<ReadonlyMap<string, readonly MoneyLedgerUse[]>> {
  const { limits, ledgersMax } = of
  const wanted = limits.map((limit) => ({ id: limit.limitId, generation: generationOf(limit) }))
  const found = await sql<Row>`
    SELECT l.*, u.unknown, u.count_unknown,
      (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms
    FROM json_to_recordset(${JSON.stringify(wanted)}::json) AS w(id uuid, generation integer)
    CROSS JOIN LATERAL (SELECT ledger_id, limit_id, subject, window_start, window_end, settled,
        reserved, count_settled, count_reserved, buckets FROM airworthy.money_ledgers
      WHERE organisation_id = ${organisationId} AND limit_id = w.id
        AND generation = w.generation
        AND coalesce(window_end, 'infinity'::timestamptz) > (SELECT clock_timestamp())
      ORDER BY settled + reserved DESC, count_settled + count_reserved DESC, ledger_id
      LIMIT ${ledgersMax}) AS l
    CROSS JOIN LATERAL (SELECT coalesce(sum(r.minor), 0) AS unknown,
        coalesce(sum(r.count), 0) AS count_unknown
      FROM airworthy.money_reservations r JOIN airworthy.call_outcomes o
        USING (organisation_id, call_id)
      WHERE r.organisation_id = ${organisationId} AND r.ledger_id = l.ledger_id
        AND r.state = 'held' AND r.purpose <> 'refill' AND o.state = 'unknown') AS u`.execute(db)
  const byId = new Map(limits.map((limit) => [limit.limitId, limit]))
  const uses = new Map<string, MoneyLedgerUse[]>()
  for (const row of found.rows) {
    const limit = byId.get(row.limit_id)
    if (limit === undefined) continue
    uses.set(row.limit_id, [...(uses.get(row.limit_id) ?? []), useOf(row, limit)])
  }
  return uses
}

function useOf(row: Row, { window }: KnownLimit): MoneyLedgerUse {
  const minor = emptyTally('minor', undefined)
  const count = emptyTally('count', undefined)
  minor.settled = BigInt(row.settled)
  count.settled = BigInt(row.count_settled)
  if (window.kind === 'rolling') {
    const rolling = { windowMs: window.seconds * 1000, buckets: parseMoneyBuckets(row.buckets) }
    expireBuckets(rolling, [minor, count], Number(row.now_ms))
  }
  return {
    ledgerId: row.ledger_id,
    subject: row.subject,
    windowStart: row.window_start,
    windowEnd: row.window_end,
    minor: held(minor.settled, row.reserved, row.unknown),
    count: held(count.settled, row.count_reserved, row.count_unknown),
  }
}

/** What is reserved in the row is both: of calls in flight, and of those that nobody knows about. */
function held(settled: bigint, reserved: string, unknown: string): Use {
  return {
    settled,
    reserved: BigInt(reserved) - BigInt(unknown),
    unknown: BigInt(unknown),
  }
}
