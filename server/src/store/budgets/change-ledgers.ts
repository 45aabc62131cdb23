// Changes of ledgers by a command, with the arithmetic that the recorder has: under the head's lock
// nobody else writes them.
import { type Kysely, sql } from 'kysely'
import { budgetUnits, noLimit } from '../../core/budget/budget.ts'
import type { Policy } from '../../core/budget/policy.ts'
import { parseWindow } from '../../core/budget/window.ts'
import type { OrganisationId } from '../../core/ids.ts'
import {
  formatColumns,
  formatLedgerFacts,
  type Ledger,
  type LedgerRow,
  parseLedger,
  parsePolicyLedger,
} from '../recorder/ledger.ts'
import type { Schema } from '../schema/schema.ts'

type Row = LedgerRow & { window_kind: unknown; policy_limits: (string | null)[] | null }

/** Reads the ledgers, has them changed, and writes them. Call it inside a command. */
export async function changeLedgers(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  scopeIds: readonly string[],
  change: (ledgers: ReadonlyMap<string, Ledger>) => void,
): Promise<void> {
  if (scopeIds.length === 0) return
  const ledgers = await readLedgers(tx, organisationId, scopeIds)
  change(ledgers)
  await writeLedgers(tx, organisationId, [...ledgers.values()])
}

/** All leases count as others'. Facts of sessions are neither read nor written. */
async function readLedgers(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  scopeIds: readonly string[],
): Promise<Map<string, Ledger>> {
  const found = await sql<Row>`
    SELECT b.scope_id, b.scope, b.limits, b.settled, b.reserved, b.leased, b.unknown, b.overrun,
      b.policy_id, CASE WHEN b.policy_id IS NOT NULL THEN b.facts END AS facts,
      p.window_kind, p.limits AS policy_limits, NULL AS own_lease
    FROM airworthy.ledgers b LEFT JOIN airworthy.budget_policies p
      ON p.organisation_id = b.organisation_id AND p.policy_id = b.policy_id
    WHERE b.organisation_id = ${organisationId}
      AND b.scope_id = ANY(${[...scopeIds]}::uuid[])`.execute(tx)
  return new Map(found.rows.map((row) => [row.scope_id, ledgerOf(row)]))
}

function ledgerOf(row: Row): Ledger {
  const { scope_id: scopeId, scope, policy_limits: limits } = row
  if (row.policy_id === null || limits === null) {
    return parseLedger(row, { scopeId, scope, facts: undefined })
  }
  return parsePolicyLedger(row, policyOfRow(row.policy_id, limits, row.window_kind))
}

/** As much of the policy as arithmetic asks for. */
function policyOfRow(
  policyId: string,
  limits: readonly (string | null)[],
  window: unknown,
): Policy {
  return {
    policyId,
    name: '',
    scope: 'organisation',
    subject: undefined,
    window: parseWindow(window),
    limits: budgetUnits.map((_unit, at) => BigInt(limits[at] ?? noLimit)),
    onHit: 'block',
    alerts: [],
    former: [],
    isActive: true,
  }
}

async function writeLedgers(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  ledgers: readonly Ledger[],
): Promise<void> {
  const rows = ledgers
    // What has no limit counts nothing.
    .filter((ledger) => ledger.budgets.length > 0)
    .map((ledger) => ({
      scope_id: ledger.scopeId,
      ...formatColumns(ledger),
      facts: ledger.use === undefined ? null : formatLedgerFacts(ledger),
    }))
  await sql`UPDATE airworthy.ledgers l SET settled = r.settled::bigint[],
      reserved = r.reserved::bigint[], leased = r.leased::bigint[],
      unknown = r.unknown::bigint[], overrun = r.overrun::bigint[],
      facts = coalesce(r.facts::json, l.facts)
    FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(scope_id uuid, settled text,
      reserved text, leased text, unknown text, overrun text, facts text)
    WHERE l.organisation_id = ${organisationId} AND l.scope_id = r.scope_id`.execute(tx)
}
