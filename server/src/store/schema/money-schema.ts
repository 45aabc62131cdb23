// Limits on money, as kysely sees them; the recorder writes their ledgers by statements of its own.
import type { ColumnType, Generated } from 'kysely'
import type { LimitKind, LimitScope } from '../../core/money/limit.ts'

type Numeric = ColumnType<string, string | bigint, string | bigint>
type Int8 = ColumnType<string, string | bigint | number, string | bigint | number>
type Time = ColumnType<Date, Date | string, Date | string>
type Json = ColumnType<unknown, string, string>

type Assets = {
  organisation_id: string
  asset: string
  decimals: number
  added_by: string
  added_at: Time
}

type Quotes = {
  organisation_id: string
  base: string
  quoted: string
  numerator: Numeric
  denominator: Numeric
  agreed_numerator: Numeric
  agreed_denominator: Numeric
  at: Time
  max_age_seconds: number
  source: string
  set_by: string
  set_at: Time
}

type Limits = {
  organisation_id: string
  limit_id: string
  name: string
  kind: LimitKind
  scope: LimitScope
  subject: string | null
  asset: string | null
  max: ColumnType<string | null, string | null, string | null>
  count_max: ColumnType<string | null, string | null, string | null>
  converts: boolean
  each_party: boolean
  refunds_refill: boolean
  window_kind: Json
  former: Json
  actions: ColumnType<string[], readonly string[], readonly string[]>
  parties: Json
  salt: Buffer
  state: Generated<'active' | 'removed'>
  version: Int8
  created_by: string
  created_at: Time
  changed_by: string
  changed_at: Time
}

type MoneyAuthorisations = {
  organisation_id: string
  reference: string
  call_id: string
  asset: string
  minor: Numeric
  state: 'open' | 'closing' | 'closed'
  closing_call: string | null
  closing_as: 'captures' | 'voids' | null
}

export type MoneyTables = {
  'airworthy.assets': Assets
  'airworthy.quotes': Quotes
  'airworthy.limits': Limits
  'airworthy.money_authorisations': MoneyAuthorisations
}
