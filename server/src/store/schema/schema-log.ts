// The tables of the signed log as kysely sees them.
import type { ColumnType } from 'kysely'

type Int8 = ColumnType<string, string | bigint | number, string | bigint | number>
type TimeDefault = ColumnType<Date, Date | string | undefined, Date | string>

export type Checkpoints = {
  organisation_id: string
  log_id: Int8
  size: Int8
  root: Buffer
  note: string
  is_witnessed: boolean
  signed_at: TimeDefault
}

export type WitnessedLogs = {
  organisation_id: string
  origin: string
  size: Int8
  root: Buffer
  note: string
  cosigned_at: TimeDefault
}
