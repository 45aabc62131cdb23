// What people should hear of a batch.
import type { NoticeKind } from '../../core/approval/notice.ts'
import type { Statement } from './statements.ts'

export type NoticeRow = {
  notice_id: string
  kind: NoticeKind
  subject_id: string
  detail: Readonly<Record<string, string | number | boolean>>
}

export const insertNotice: Statement = {
  name: 'airworthy-insert-notice',
  text: `INSERT INTO airworthy.outbox (organisation_id, notice_id, kind, subject_id, detail, created_at)
  VALUES ($1, $2, $3, $4, $5::jsonb, $6)`,
}
