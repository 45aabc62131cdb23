// What people should hear of. Rows are written with what they tell; a job sends them on.
import { randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Notice } from '../../core/approval/notice.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Schema } from '../schema/schema.ts'

/** Call it inside the transaction of what it tells. */
export async function announce(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  notice: Notice,
): Promise<void> {
  await tx
    .insertInto('airworthy.outbox')
    .values({
      organisation_id: organisationId,
      notice_id: randomUUIDv7(),
      kind: notice.kind,
      subject_id: notice.subject,
      detail: JSON.stringify(notice.detail ?? {}),
    })
    .execute()
}

/** Deletes notices that were handled some time ago. Gives how many; at most a page of them. */
export async function forgetNotices(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  options: { readonly keptMs: number; readonly limit: number },
): Promise<number> {
  const forgotten = await sql`DELETE FROM airworthy.outbox
    WHERE organisation_id = ${organisationId} AND notice_id = ANY(ARRAY(
      SELECT notice_id FROM airworthy.outbox WHERE organisation_id = ${organisationId}
        AND handled_at < now() - make_interval(secs => ${options.keptMs / 1000})
      ORDER BY handled_at LIMIT ${options.limit} FOR UPDATE SKIP LOCKED))`.execute(db)
  return Number(forgotten.numAffectedRows ?? 0n)
}
