// The load on people, as kysely sees it.
import type { ColumnType } from 'kysely'

type Time = ColumnType<Date, Date | string, Date | string>
type TimeDefault = ColumnType<Date, Date | string | undefined, Date | string>

type HoldViews = {
  organisation_id: string
  hold_id: string
  round: number
  operator_id: string
  first_at: TimeDefault
}

type HoldCanaries = {
  organisation_id: string
  hold_id: string
  planted_by: string
  planted_at: Time
  approved_at: ColumnType<Date | null, Date | null | undefined, Date | null>
}

export type LoadTables = {
  'airworthy.hold_views': HoldViews
  'airworthy.hold_canaries': HoldCanaries
}
