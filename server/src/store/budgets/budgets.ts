// Limits on calls, tokens and money, of a session or of an agent over all its sessions.
import type { Kysely } from 'kysely'
import { type BudgetUnit, budgetUnits, noLimit } from '../../core/budget/budget.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { CompiledLimit } from '../../core/pact/compiled.ts'
import type { Schema } from '../schema/schema.ts'

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

/** A pact's limit as budgets hold it. */
export function budgetLimitsOf(limit: CompiledLimit): BudgetLimits {
  const { calls, tokens, inputTokens, outputTokens, moneyNanoUsd } = limit
  return {
    ...(calls === undefined ? {} : { calls: BigInt(calls) }),
    ...(tokens === undefined ? {} : { tokens: BigInt(tokens) }),
    ...(moneyNanoUsd === undefined ? {} : { nano_usd: moneyNanoUsd }),
    ...(inputTokens === undefined ? {} : { input_tokens: BigInt(inputTokens) }),
    ...(outputTokens === undefined ? {} : { output_tokens: BigInt(outputTokens) }),
  }
}

/** The largest number that a budget can hold. */
export const limitMax = noLimit

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
  return `{${budgetUnits.map((unit) => limits[unit] ?? 'NULL').join(',')}}`
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
    .select(['settled', 'reserved', 'leased', 'unknown', 'overrun'])
    .where('organisation_id', '=', organisationId)
    .where('scope_id', '=', agentId)
    .executeTakeFirst()
  if (ledger === undefined) {
    await insertLedger(tx, organisationId, { scope: 'agent', scopeId: agentId, limits })
    return { kind: 'ok' }
  }
  const { settled, reserved, leased, unknown, overrun } = ledger
  const refused = budgetUnits.flatMap((unit, index) => {
    const limit = limits[unit]
    const used = sumAt(index, [settled, reserved, leased, unknown])
    return limit !== undefined && limit < used ? [{ unit, limit, used }] : []
  })
  if (refused.length > 0) return { kind: 'below_use', refused }
  await tx
    .updateTable('airworthy.ledgers')
    .set({
      limits: limitsArray(limits),
      // The database holds a limit only against amounts that are there.
      settled: padded(settled),
      reserved: padded(reserved),
      leased: padded(leased),
      unknown: padded(unknown),
      overrun: padded(overrun),
    })
    .where('organisation_id', '=', organisationId)
    .where('scope_id', '=', agentId)
    .execute()
  return { kind: 'ok' }
}

/** A row of an earlier release has fewer units. */
function padded(amounts: readonly string[]): string {
  return `{${budgetUnits.map((_unit, at) => amounts[at] ?? '0').join(',')}}`
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
    .where('scope', '<>', 'policy')
    .orderBy('scope')
    .orderBy('unit')
    .execute()
  return rows.map((row) => ({
    budgetId: row.budget_id,
    scope: row.scope === 'agent' ? 'agent' : 'session',
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
