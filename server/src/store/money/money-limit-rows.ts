// A limit on money as its row holds it.
import { parseWindow } from '../../core/budget/window.ts'
import type { Limit, LimitKind, LimitScope, ListedParty } from '../../core/money/limit.ts'
import { parseFormer } from '../budgets/budget-policy-rows.ts'

export type KnownLimit = Limit & {
  /** What the ids of its ledgers are made under. */
  readonly salt: Buffer
  readonly version: string
  readonly createdBy: string
  readonly createdAt: Date
  readonly changedBy: string
  readonly changedAt: Date
}

export type LimitRow = {
  limit_id: string
  name: string
  kind: LimitKind
  scope: LimitScope
  subject: string | null
  asset: string | null
  max: string | null
  count_max: string | null
  converts: boolean
  each_party: boolean
  refunds_refill: boolean
  window_kind: unknown
  former: unknown
  actions: string[]
  parties: unknown
  salt: Buffer
  state: 'active' | 'removed'
  version: string
  created_by: string
  created_at: Date
  changed_by: string
  changed_at: Date
}

export const limitColumns = `limit_id, name, kind, scope, subject, asset, max, count_max, converts,
  each_party, refunds_refill, window_kind, former, actions, parties, salt, state, version,
  created_by, created_at, changed_by, changed_at`

export function limitOf(row: LimitRow): KnownLimit {
  return {
    limitId: row.limit_id,
    name: row.name,
    kind: row.kind,
    scope: row.scope,
    subject: row.subject ?? undefined,
    asset: row.asset ?? undefined,
    converts: row.converts,
    eachParty: row.each_party,
    max: row.max === null ? undefined : BigInt(row.max),
    countMax: row.count_max === null ? undefined : BigInt(row.count_max),
    window: parseWindow(row.window_kind),
    actions: row.actions,
    parties: parseParties(row.parties),
    refundsRefill: row.refunds_refill,
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

/** What is no party is left out: a list that allows grows shorter, and nothing else wrote it. */
export function parseParties(value: unknown): ListedParty[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((each: unknown): ListedParty[] => {
    const entry = new Map(typeof each === 'object' && each !== null ? Object.entries(each) : [])
    const digest: unknown = entry.get('digest')
    const pattern: unknown = entry.get('pattern')
    if (typeof digest === 'string') return [{ digest }]
    return typeof pattern === 'string' ? [{ pattern }] : []
  })
}
