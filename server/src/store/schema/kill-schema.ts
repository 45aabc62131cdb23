// The tables of the kill switch as kysely sees them.
import type { ColumnType, Generated } from 'kysely'
import type { KillMode, KillScopeKind } from '../../core/kill/kill.ts'

type Int8 = ColumnType<string, string | bigint, string | bigint>
type Time = ColumnType<Date, Date | string, Date | string>

type Kills = {
  organisation_id: string
  kill_id: string
  epoch: Int8
  scope_kind: KillScopeKind
  scope_id: string
  mode: KillMode
  reason: string
  reason_salt: Buffer
  issued_by: string | null
  rule: string | null
  revokes_keys: Generated<boolean>
  issued_at: Time
  acknowledged_at: Time | null
  issued_seq: Int8 | null
  acknowledged_seq: Int8 | null
  cancelled_holds: Generated<number>
  unwound_runs: Generated<number>
  finished_at: Time | null
  resumed_at: Time | null
  resume_proposed_by: string | null
  resume_confirmed_by: string | null
}

type Gateways = {
  organisation_id: string
  gateway_id: string
  name: string
  started_at: Generated<Date>
  confirmed_epoch: Int8
  lease_until: Time
}

type KillAcks = {
  organisation_id: string
  kill_id: string
  gateway_id: string
  confirmed_at: Time
  cut: number
}

type KillCauses = { organisation_id: string; cause: string; seen_at: Generated<Date> }

export type KillTables = {
  'airworthy.kill_epochs': { organisation_id: string; epoch: Int8 }
  'airworthy.kills': Kills
  'airworthy.gateways': Gateways
  'airworthy.kill_acks': KillAcks
  'airworthy.kill_causes': KillCauses
}
