// What people are told, and what takes two of them, as kysely sees it.
import type { ColumnType } from 'kysely'
import type { NoticeKind } from '../../core/approval/notice.ts'
import type { ProposalKind } from '../../core/approval/proposal.ts'

type Time = ColumnType<Date, Date | string, Date | string>
type TimeDefault = ColumnType<Date, Date | string | undefined, Date | string>
type Json = ColumnType<unknown, string, string>

type Outbox = {
  organisation_id: string
  notice_id: string
  kind: NoticeKind
  subject_id: string
  detail: Json
  created_at: TimeDefault
  handled_at: Time | null
}

type Proposals = {
  organisation_id: string
  proposal_id: string
  kind: ProposalKind
  change: Json
  reason: string
  reason_salt: Buffer
  state: ColumnType<ProposalState, ProposalState | undefined, ProposalState>
  proposed_by: string
  proposed_at: Time
  expires_at: Time
  decided_by: string | null
  decided_at: Time | null
}

export type ProposalState = 'open' | 'confirmed' | 'withdrawn'

export type PeopleTables = {
  'airworthy.outbox': Outbox
  'airworthy.proposals': Proposals
}
