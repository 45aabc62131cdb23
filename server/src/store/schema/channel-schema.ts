// Channels and deliveries, as kysely sees them.
import type { ColumnType, Generated } from 'kysely'
import type { NoticeKind } from '../../core/approval/notice.ts'
import type { Stakes } from '../../core/channel/filter.ts'
import type { ChannelKind } from '../../core/channel/target.ts'

type Time = ColumnType<Date, Date | string, Date | string>
type NullableTime = ColumnType<Date | null, Date | undefined, Date | null>
type Json = ColumnType<unknown, string, string>

type Channels = {
  organisation_id: string
  channel_id: string
  name: string
  kind: ChannelKind
  target: Buffer
  place: string
  recipients: string[]
  kinds: NoticeKind[]
  agents: string[]
  teams: string[]
  stakes_min: Stakes
  hides_amount: boolean
  created_by: string
  created_at: Time
  removed_at: NullableTime
}

export type DeliveryState = 'pending' | 'sent' | 'dead'

type Deliveries = {
  organisation_id: string
  delivery_id: string
  channel_id: string
  recipient: string
  notice_id: string
  kind: NoticeKind
  subject_id: string
  detail: Json
  noticed_at: Time
  state: DeliveryState
  attempts: Generated<number>
  next_at: ColumnType<Date, Date | undefined, Date>
  lease_id: ColumnType<string | null, string | undefined, string | null>
  failure: ColumnType<string | null, string | undefined, string | null>
  ended_at: NullableTime
}

export type ChannelTables = {
  'airworthy.channels': Channels
  'airworthy.deliveries': Deliveries
}
