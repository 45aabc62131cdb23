// Limits on calls, tokens and money, of a session or of an agent over all its sessions.
import type { Kysely } from 'kysely'
import type { OrganisationId } from '../core/ids.ts'
import type { Schema } from './schema.ts'

export type BudgetUnit = 'calls' | 'tokens' | 'nano_usd'
export type BudgetScope = 'session' | 'agent'

/** What may be used of each unit; a unit that is missing has no limit. */
export type BudgetLimits = Readonly<Partial<Record<BudgetUnit, bigint>>>

export type BudgetRow = {
  readonly budgetId: string
  readonly scope: BudgetScope
  readonly scopeId: string
  readonly unit: BudgetUnit
  readonly limit: string
  readonly settled: string
  readonly reserved: string
  readonly leased: string
  readonly unknown: string
  readonly overrun: string
}

/** The largest number that a budget can hold. */
export const limitMax = 9_223_372_036_854_775_807n

/** The order of the units in a ledger's arrays. */
const units: readonly BudgetUnit[] = ['calls', 'tokens', 'nano_usd']

/** Makes the ledger of a new session or agent; one without any limit has a ledger too. */
export async function insertLedger(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly scope: BudgetScope; readonly scopeId: string; readonly limits: BudgetLimits },
): Promise<void> {
  await tx
    .insertInto('airworthy.ledgers')
    .values({
      organisation_id: organisationId,
      scope_id: of.scopeId,
      scope: of.scope,
      limits: limitsArray(of.limits),
    })
    .execute()
}

/** A PostgreSQL array; NULL is no limit. */
function limitsArray(limits: BudgetLimits): string {
  return `{${units.map((unit) => limits[unit] ?? 'NULL').join(',')}}`
}

export type LimitBelowUse = {
  readonly unit: BudgetUnit
  readonly limit: bigint
  readonly used: bigint
}

export type LimitsChange =
  | { readonly kind: 'ok' }
  | { readonly kind: 'below_use'; readonly refused: readonly LimitBelowUse[] }

/**
 * Sets the limits of an agent's ledger, and makes the ledger of a new agent. Nothing is changed
 * when one of them would be lower than what is used, reserved, leased or unknown already: such a
 * budget could never hold again.
 */
export async function setAgentLimits(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  agent: { readonly agentId: string; readonly limits: BudgetLimits },
): Promise<LimitsChange> {
  const { agentId, limits } = agent
  const ledger = await tx
    .selectFrom('airworthy.ledgers')
    .select(['settled', 'reserved', 'leased', 'unknown'])
    .where('organisation_id', '=', organisationId)
    .where('scope_id', '=', agentId)
    .executeTakeFirst()
  if (ledger === undefined) {
    await insertLedger(tx, organisationId, { scope: 'agent', scopeId: agentId, limits })
    return { kind: 'ok' }
  }
  const { settled, reserved, leased, unknown } = ledger
  const refused = units.flatMap((unit, index) => {
    const limit = limits[unit]
    const used = sumAt(index, [settled, reserved, leased, unknown])
    return limit !== undefined && limit < used ? [{ unit, limit, used }] : []
  })
  if (refused.length > 0) return { kind: 'below_use', refused }
  await tx
    .updateTable('airworthy.ledgers')
    .set({ limits: limitsArray(limits) })
    .where('organisation_id', '=', organisationId)
    .where('scope_id', '=', agentId)
    .execute()
  return { kind: 'ok' }
}

function sumAt(index: number, amounts: readonly (readonly string[])[]): bigint {
  return amounts.reduce((sum, amount) => sum + BigInt(amount[index] ?? '0'), 0n)
}

/** The budgets of these agents or sessions. Locks nothing. */
export async function listBudgets(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  scopeIds: readonly string[],
): Promise<BudgetRow[]> {
  if (scopeIds.length === 0) return []
  const rows = await db
    .selectFrom('airworthy.budgets')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .where('scope_id', 'in', [...scopeIds])
    .orderBy('scope')
    .orderBy('unit')
    .execute()
  return rows.map((row) => ({
    budgetId: row.budget_id,
    scope: row.scope,
    scopeId: row.scope_id,
    unit: row.unit,
    limit: row.limit_amount,
    settled: row.settled,
    reserved: row.reserved,
    leased: row.leased,
    unknown: row.unknown,
    overrun: row.overrun,
  }))
}
