// Limits on calls, tokens and money, of a session or of an agent over all its sessions.
import { randomUUIDv7 } from 'node:crypto'
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

/** Stands for "no limit" on a budget that once had one: calls in flight still settle on its row. */
export const unlimited = 9_223_372_036_854_775_807n

const units: readonly BudgetUnit[] = ['calls', 'tokens', 'nano_usd']

/** Makes the budgets of something new. */
export async function insertBudgets(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  of: { readonly scope: BudgetScope; readonly scopeId: string; readonly limits: BudgetLimits },
): Promise<void> {
  const rows = units.flatMap((unit) => {
    const limit = of.limits[unit]
    if (limit === undefined) return []
    return [
      {
        organisation_id: organisationId,
        budget_id: randomUUIDv7(),
        scope: of.scope,
        scope_id: of.scopeId,
        unit,
        limit_amount: limit,
      },
    ]
  })
  if (rows.length > 0) await tx.insertInto('airworthy.budgets').values(rows).execute()
}

export type LimitBelowUse = {
  readonly unit: BudgetUnit
  readonly limit: bigint
  readonly used: bigint
}

export type LimitsChange =
  | { readonly kind: 'ok'; readonly changed: readonly BudgetUnit[] }
  | { readonly kind: 'below_use'; readonly refused: readonly LimitBelowUse[] }

/**
 * Sets the limits of an agent's budgets. Nothing is changed when one of them would be lower than
 * what is used, reserved, leased or unknown already: such a budget could never hold again.
 */
export async function setAgentLimits(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  agent: { readonly agentId: string; readonly limits: BudgetLimits },
): Promise<LimitsChange> {
  const rows = await listBudgets(tx, organisationId, [agent.agentId])
  const byUnit = new Map(rows.map((row) => [row.unit, row]))
  const refused: LimitBelowUse[] = []
  const updates: { budgetId: string; unit: BudgetUnit; limit: bigint }[] = []
  const added: Partial<Record<BudgetUnit, bigint>> = {}
  for (const unit of units) {
    const wanted = agent.limits[unit]
    const row = byUnit.get(unit)
    if (row === undefined) {
      if (wanted !== undefined) added[unit] = wanted
      continue
    }
    const limit = wanted ?? unlimited
    const used = usedOf(row)
    if (limit < used) refused.push({ unit, limit, used })
    else if (limit !== BigInt(row.limit)) updates.push({ budgetId: row.budgetId, unit, limit })
  }
  if (refused.length > 0) return { kind: 'below_use', refused }
  for (const update of updates) {
    await tx
      .updateTable('airworthy.budgets')
      .set({ limit_amount: update.limit })
      .where('organisation_id', '=', organisationId)
      .where('budget_id', '=', update.budgetId)
      .execute()
  }
  await insertBudgets(tx, organisationId, {
    scope: 'agent',
    scopeId: agent.agentId,
    limits: added,
  })
  const addedUnits = units.filter((unit) => added[unit] !== undefined)
  return { kind: 'ok', changed: [...updates.map((update) => update.unit), ...addedUnits] }
}

function usedOf(row: BudgetRow): bigint {
  return BigInt(row.settled) + BigInt(row.reserved) + BigInt(row.leased) + BigInt(row.unknown)
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
    .where('scope', 'in', ['agent', 'session'])
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
