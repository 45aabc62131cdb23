// The tables of migration 0010 as kysely sees them.
import type { ColumnType } from 'kysely'

type Int8 = ColumnType<string, string | bigint | number, string | bigint | number>
type Time = ColumnType<Date, Date | string, Date | string>

type Accesses = {
  organisation_id: string
  access_id: string
  operator_id: string
  kind: string
  operation: string
  call_id: string | null
  call_ids: ColumnType<string[] | null, readonly string[] | null | undefined, never>
  reason: string
  reason_salt: Buffer
  log_id: Int8
  seq: Int8
  at: Time
}

type Erasures = {
  organisation_id: string
  erasure_id: string
  subject_ids: Buffer[]
  state: 'requested' | 'done'
  operator_id: string
  reason: string
  reason_salt: Buffer
  keys: number
  sessions: number
  payloads: ColumnType<string, string | undefined, string | bigint>
  scanned_to: ColumnType<string | null, string | null | undefined, string | null>
  requested_at: Time
  done_at: Time | null
  log_id: Int8
  requested_seq: Int8
  done_log_id: Int8 | null
  done_seq: Int8 | null
}

type Retention = {
  organisation_id: string
  class: 'log' | 'payloads'
  days: number
  set_by: string
  set_at: Time
}

type LegalHolds = {
  organisation_id: string
  legal_hold_id: string
  scope: 'everything' | 'agent' | 'subject'
  agent_id: string | null
  subject_id: Buffer | null
  reason: string
  reason_salt: Buffer
  placed_by: string
  placed_at: Time
  released_by: string | null
  released_at: Time | null
}

type PayloadDeletions = {
  organisation_id: string
  deletion_id: string
  before_call: string
  scanned_to: string | null
  payloads: ColumnType<string, string | undefined, string | bigint>
  state: 'begun' | 'done'
  begun_at: Time
  done_at: Time | null
}

type ShardDeletions = {
  organisation_id: string
  log_id: Int8
  state: 'announced' | 'deleting' | 'done'
  size: Int8
  root: Buffer
  checkpoint_hash: Buffer
  operator_id: string
  reason: string
  reason_salt: Buffer
  announced_log_id: Int8
  announced_seq: Int8
  announced_at: Time
  objects: ColumnType<string, string | undefined, string | bigint>
  stopped_by: string | null
  next_try_at: Time
  done_log_id: Int8 | null
  done_seq: Int8 | null
  done_at: Time | null
}

export type AuditTables = {
  'airworthy.accesses': Accesses
  'airworthy.erasures': Erasures
  'airworthy.retention': Retention
  'airworthy.legal_holds': LegalHolds
  'airworthy.payload_deletions': PayloadDeletions
  'airworthy.shard_deletions': ShardDeletions
}
