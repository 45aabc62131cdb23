// Keys of operators and who is on call, as kysely sees them.
import type { ColumnType } from 'kysely'

type Time = ColumnType<Date, Date | string, Date | string>

type OperatorKeys = {
  organisation_id: string
  thumbprint: string
  operator_id: string
  public_key: Buffer
  added_by: string
  added_at: Time
  revoked_at: ColumnType<Date | null, Date | null | undefined, Date | null>
}

type Oncall = {
  organisation_id: string
  schedule: string
  members: string[]
  zone: string
  /** A date as text, `YYYY-MM-DD`. */
  starts_on: ColumnType<string, string, string>
  handover_minutes: number
  shift_days: number
  set_by: string
  set_at: Time
}

export type ApprovalTables = {
  'airworthy.operator_keys': OperatorKeys
  'airworthy.oncall': Oncall
}
