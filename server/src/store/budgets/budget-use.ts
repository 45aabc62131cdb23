// What is used of the organisation's budgets, and the thresholds that were passed.
import { type Kysely, sql } from 'kysely'
import { type BudgetUnit, noLimit } from '../../core/budget/budget.ts'
import { generationOf } from '../../core/budget/policy.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { KnownPolicy } from './budget-policy-rows.ts'
import { listActive } from './budget-policies.ts'
import type { Database } from '../database.ts'
import { bringToNow, type LedgerRow, parsePolicyLedger } from '../recorder/ledger.ts'
import type { Schema } from '../schema/schema.ts'

export type UnitUse = {
  readonly unit: BudgetUnit
  /** Undefined where the unit is only counted. */
  readonly limit: bigint | undefined
  readonly settled: bigint
  readonly reserved: bigint
  readonly leased: bigint
  readonly unknown: bigint
  readonly overrun: bigint
}

export type LedgerUse = {
  readonly ledgerId: string
  /** The agent, team, version (`name v2`), session or user; empty for the organisation. */
  readonly subject: string
  readonly windowStart: Date
  readonly windowEnd: Date | null
  readonly units: readonly UnitUse[]
}

export type PolicyWithUse = {
  readonly policy: KnownPolicy
  /** Of the period that runs, those with most use first; at most as many as were asked for. */
  readonly ledgers: readonly LedgerUse[]
}

/** The budgets that hold, or the one of the name, with what is used of each now. Locks nothing. */
export async function listBudgetPolicies(
  db: Database,
  organisationId: OrganisationId,
  options: { readonly name?: string; readonly ledgersMax: number },
): Promise<PolicyWithUse[]> {
  const { name, ledgersMax } = options
  const active = await listActive(db, organisationId)
  const policies = active.filter((policy) => name === undefined || policy.name === name)
  const { nowMs, rows } = await selectUse(db, organisationId, { policies, ledgersMax })
  return policies.map((policy) => ({
    policy,
    ledgers: rows
      .filter((row) => row.policy_id === policy.policyId)
      .map((row) => useOf(row, policy, nowMs)),
  }))
}

type UseRow = LedgerRow & { label: string; window_start: Date; window_end: Date | null }

// A user's ledger names a session of that user, whose end user is erased with the user.
const labelText = `CASE p.scope
    WHEN 'agent' THEN (SELECT a.name FROM airworthy.agents a
      WHERE a.organisation_id = b.organisation_id AND a.agent_id::text = b.subject)
    WHEN 'version' THEN (SELECT a.name || ' v' || v.number FROM airworthy.agent_versions v
      JOIN airworthy.agents a USING (organisation_id, agent_id)
      WHERE v.organisation_id = b.organisation_id AND v.version_id::text = b.subject)
    WHEN 'user' THEN (SELECT s.end_user FROM airworthy.sessions s
      WHERE s.organisation_id = b.organisation_id AND s.session_id = b.subject::uuid)
    ELSE b.subject END`

async function selectUse(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly policies: readonly KnownPolicy[]; readonly ledgersMax: number },
): Promise<{ nowMs: number; rows: UseRow[] }> {
  const generations = of.policies.map((policy) => ({
    policy_id: policy.policyId,
    generation: generationOf(policy),
    scope: policy.scope,
  }))
  const clock = await sql<{ now: Date }>`SELECT clock_timestamp() AS now`.execute(db)
  const found = await sql<UseRow>`
    SELECT b.*, coalesce(${sql.raw(labelText)}, '') AS label
    FROM json_to_recordset(${JSON.stringify(generations)}::json)
      AS p(policy_id uuid, generation integer, scope text)
    CROSS JOIN LATERAL (SELECT b.organisation_id, b.scope_id, b.scope, b.facts, b.limits, b.settled,
        b.reserved, b.leased, b.unknown, b.overrun, b.policy_id, b.subject, b.window_start,
        b.window_end, NULL AS own_lease
      FROM airworthy.ledgers b
      WHERE b.organisation_id = ${organisationId} AND b.policy_id = p.policy_id
        AND b.generation = p.generation
        AND (b.window_end IS NULL OR b.window_end > clock_timestamp())
      ORDER BY b.settled[3] DESC, b.settled[2] DESC, b.settled[1] DESC, b.scope_id
      LIMIT ${of.ledgersMax}) b`.execute(db)
  return { nowMs: clock.rows[0]?.now.getTime() ?? 0, rows: found.rows }
}

function useOf(row: UseRow, policy: KnownPolicy, nowMs: number): LedgerUse {
  const ledger = parsePolicyLedger(row, policy)
  bringToNow(ledger, nowMs)
  return {
    ledgerId: row.scope_id,
    subject: row.label,
    windowStart: row.window_start,
    windowEnd: row.window_end,
    units: ledger.budgets.map(({ unit, limit, leasedByOthers: leased, ...budget }) => ({
      unit,
      limit: limit === noLimit ? undefined : limit,
      settled: budget.settled,
      reserved: budget.reserved,
      leased,
      unknown: budget.unknown,
      overrun: budget.overrun,
    })),
  }
}

export type BudgetAlert = {
  readonly logId: string
  readonly seq: string
  readonly policyId: string
  readonly policyName: string
  readonly ledgerId: string
  /** Whose ledger it is; empty once that is forgotten. */
  readonly subject: string
  readonly unit: BudgetUnit
  readonly threshold: number
  readonly used: string
  readonly limit: string
  readonly callId: string
  readonly at: Date
}

/** Thresholds that were passed, the newest first. */
export async function listAlerts(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: {
    readonly policyId?: string | undefined
    /** The place of the last alert of the page before. */
    readonly before?: { readonly logId: string; readonly seq: string } | undefined
    readonly limit: number
  },
): Promise<BudgetAlert[]> {
  let query = db
    .selectFrom('airworthy.budget_alerts as a')
    .leftJoin('airworthy.budget_policies as p', (join) =>
      join
        .onRef('p.organisation_id', '=', 'a.organisation_id')
        .onRef('p.policy_id', '=', 'a.policy_id'),
    )
    .leftJoin('airworthy.ledgers as b', (join) =>
      join
        .onRef('b.organisation_id', '=', 'a.organisation_id')
        .onRef('b.scope_id', '=', 'a.scope_id'),
    )
    .selectAll('a')
    .select(['p.name', sql<string>`coalesce(${sql.raw(labelText)}, '')`.as('label')])
    .where('a.organisation_id', '=', organisationId)
  const { policyId, before } = page
  if (policyId !== undefined) query = query.where('a.policy_id', '=', policyId)
  if (before !== undefined) {
    query = query.where(
      sql<boolean>`(a.log_id, a.seq) < (${before.logId}::bigint, ${before.seq}::bigint)`,
    )
  }
  const rows = await query
    .orderBy('a.log_id', 'desc')
    .orderBy('a.seq', 'desc')
    .limit(page.limit)
    .execute()
  return rows.map((row) => ({
    logId: row.log_id,
    seq: row.seq,
    policyId: row.policy_id,
    policyName: row.name ?? '',
    ledgerId: row.scope_id,
    subject: row.label,
    unit: row.unit,
    threshold: row.threshold,
    used: row.used,
    limit: row.limit_amount,
    callId: row.call_id,
    at: row.at,
  }))
}
