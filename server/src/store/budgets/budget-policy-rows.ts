// A budget of the organisation as its row holds it.
import { budgetUnits } from '../../core/budget/budget.ts'
import type { Policy, PolicyScope } from '../../core/budget/policy.ts'
import { parseWindow } from '../../core/budget/window.ts'

export type KnownPolicy = Policy & {
  /** What the ids of its ledgers are made under. */
  readonly salt: Buffer
  readonly version: string
  readonly createdBy: string
  readonly createdAt: Date
  readonly changedBy: string
  readonly changedAt: Date
}

export type PolicyRow = {
  policy_id: string
  name: string
  scope: PolicyScope
  subject: string | null
  window_kind: unknown
  limits: (string | null)[]
  on_hit: 'block' | 'redirect'
  tool_money: boolean
  alerts: number[]
  former: unknown
  salt: Buffer
  state: 'active' | 'removed'
  version: string
  created_by: string
  created_at: Date
  changed_by: string
  changed_at: Date
}

export const policyColumns = `policy_id, name, scope, subject, window_kind, limits, on_hit, tool_money, alerts,
  former, salt, state, version, created_by, created_at, changed_by, changed_at`

export function policyOf(row: PolicyRow): KnownPolicy {
  return {
    policyId: row.policy_id,
    name: row.name,
    scope: row.scope,
    subject: row.subject ?? undefined,
    window: parseWindow(row.window_kind),
    limits: budgetUnits.map((_unit, at) => {
      const limit = row.limits[at]
      return limit === undefined || limit === null ? undefined : BigInt(limit)
    }),
    onHit: row.on_hit,
    countsToolMoney: row.tool_money,
    alerts: row.alerts,
    former: parseFormer(row.former),
    isActive: row.state === 'active',
    salt: row.salt,
    version: row.version,
    createdBy: row.created_by,
    createdAt: row.created_at,
    changedBy: row.changed_by,
    changedAt: row.changed_at,
  }
}

export function formatFormer(former: Policy['former']): string {
  return JSON.stringify(former)
}

export function parseFormer(value: unknown): Policy['former'] {
  if (!Array.isArray(value)) return []
  return value.map((each: unknown) => {
    const entry = new Map(typeof each === 'object' && each !== null ? Object.entries(each) : [])
    const untilMs = Number(entry.get('untilMs'))
    const generation = Number(entry.get('generation'))
    return { window: parseWindow(entry.get('window')), untilMs, generation }
  })
}
