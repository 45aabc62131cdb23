// Ledgers, leases, and the budgets of the organisation, as kysely sees them.
import type { ColumnType, Generated } from 'kysely'
import type { BudgetUnit } from '../../core/budget/budget.ts'

type Int8 = ColumnType<string, string | bigint | number, string | bigint | number>
type Time = ColumnType<Date, Date | string, Date | string>
type TimeDefault = ColumnType<Date, Date | string | undefined, Date | string>
type JsonDefault = ColumnType<unknown, string | undefined, string>
/** In the order of `budgetUnits`; rows of earlier releases have the first three. */
type Units = ColumnType<string[], string, string>
type UnitsDefault = ColumnType<string[], string | undefined, string>

type Ledgers = {
  organisation_id: string
  scope_id: string
  scope: 'session' | 'agent' | 'policy'
  facts: JsonDefault
  limits: ColumnType<(string | null)[], string, string>
  policy_id: Generated<string | null>
  subject: Generated<string | null>
  window_start: ColumnType<Date | null, Date | undefined, never>
  window_end: ColumnType<Date | null, Date | undefined, never>
  generation: Generated<number | null>
  settled: UnitsDefault
  reserved: UnitsDefault
  leased: UnitsDefault
  unknown: UnitsDefault
  overrun: UnitsDefault
}

/** A view of `ledgers`: a row a unit that is limited. */
type Budgets = {
  organisation_id: string
  budget_id: string
  scope: 'session' | 'agent' | 'policy'
  scope_id: string
  unit: BudgetUnit
  limit_amount: string
  settled: string
  reserved: string
  leased: string
  unknown: string
  overrun: string
}

type Replicas = {
  organisation_id: string
  replica_id: string
  lock_key: Int8
  started_at: TimeDefault
  open_floor: string
  ended_at: Time | null
  is_fenced: Generated<boolean>
}

type Leases = { organisation_id: string; replica_id: string; scope_id: string; amounts: Units }

type BudgetPolicies = {
  organisation_id: string
  policy_id: string
  name: string
  scope: 'organisation' | 'team' | 'agent' | 'version' | 'user' | 'session'
  subject: string | null
  window_kind: ColumnType<unknown, string, string>
  limits: ColumnType<(string | null)[], string, string>
  on_hit: 'block' | 'redirect'
  tool_money: Generated<boolean>
  alerts: ColumnType<number[], string, string>
  former: ColumnType<unknown, string | undefined, string>
  salt: Buffer
  state: Generated<'active' | 'removed'>
  version: Int8
  created_by: string
  created_at: Time
  changed_by: string
  changed_at: Time
}

type BudgetAlerts = {
  organisation_id: string
  log_id: Int8
  seq: Int8
  policy_id: string
  scope_id: string
  unit: BudgetUnit
  threshold: number
  used: Int8
  limit_amount: Int8
  call_id: string
  at: Time
}

type LostLeases = {
  organisation_id: string
  lost_lease_id: string
  replica_id: string
  scope_id: string
  amounts: Units
  lost_at: Time
  settled_as: Generated<'zero' | 'worst' | null>
  settled_by: Generated<string | null>
  settled_reason: Generated<string | null>
  settled_at: ColumnType<Date | null, Date | undefined, Date | null>
}

export type BudgetTables = {
  'airworthy.ledgers': Ledgers
  'airworthy.budgets': Budgets
  'airworthy.replicas': Replicas
  'airworthy.leases': Leases
  'airworthy.budget_policies': BudgetPolicies
  'airworthy.budget_alerts': BudgetAlerts
  'airworthy.lost_leases': LostLeases
}
