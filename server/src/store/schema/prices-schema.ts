// The tables of migration 0013 as kysely sees them.
import type { ColumnType } from 'kysely'

type Time = ColumnType<Date, Date | string, Date | string>
type Day = ColumnType<string, string, string>
type Json = ColumnType<unknown, string, string>

type PriceOverrides = {
  organisation_id: string
  provider: string
  model: string
  override_id: string
  prices: Json
  set_by: string
  set_at: Time
}

type UsageImports = {
  organisation_id: string
  import_id: string
  provider: string
  file_hash: Buffer
  first_day: Day
  last_day: Day
  is_within: boolean
  report: Json
  imported_by: string
  imported_at: Time
  log_id: string
  seq: string
}

export type PricesTables = {
  'airworthy.price_overrides': PriceOverrides
  'airworthy.usage_imports': UsageImports
}
