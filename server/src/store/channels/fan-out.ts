// Makes deliveries of notices: one for each recipient of each channel that sends them. A notice is handled
// and its deliveries are made in one transaction, so none is lost, and none is made twice.
import { randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { NoticeKind } from '../../core/approval/notice.ts'
import { isSent, type NoticeAgent, type Stakes } from '../../core/channel/filter.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { type Channel, lockChannels } from './channels.ts'
import type { Database } from '../database.ts'
import type { Schema } from '../schema/schema.ts'

type NoticeRow = {
  readonly notice_id: string
  readonly kind: NoticeKind
  readonly subject_id: string
  readonly detail: unknown
  readonly created_at: Date
  readonly name: string | null
  readonly owner: string | null
  readonly stakes: Stakes | null
}

/** A statement has at most 65,535 parameters; a page of notices may be for hundreds of recipients. */
const rowsOfStatement = 1_000

/** Handles a page of notices. Gives how many there were. Other gateways take others. */
export async function fanOutNotices(
  db: Database,
  organisationId: OrganisationId,
  limit: number,
): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const notices = await lockNotices(tx, organisationId, limit)
    if (notices.length === 0) return 0
    const channels = await lockChannels(tx, organisationId)
    const rows = notices.flatMap((notice) => deliveriesOf(organisationId, notice, channels))
    for (let at = 0; at < rows.length; at += rowsOfStatement) {
      await tx
        .insertInto('airworthy.deliveries')
        .values(rows.slice(at, at + rowsOfStatement))
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    }
    const ids = notices.map((notice) => notice.notice_id)
    await sql`UPDATE airworthy.outbox SET handled_at = clock_timestamp()
      WHERE organisation_id = ${organisationId} AND notice_id = ANY(${ids}::uuid[])`.execute(tx)
    return notices.length
  })
}

const uuid = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'

/**
 * With the agent that each is about: that of the hold or session, or of what was killed, or the one that
 * it names.
 */
async function lockNotices(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  limit: number,
): Promise<NoticeRow[]> {
  const found = await sql<NoticeRow>`
    SELECT o.notice_id, o.kind, o.subject_id, o.detail, o.created_at, a.name, a.owner, a.stakes
    FROM (SELECT * FROM airworthy.outbox
      WHERE organisation_id = ${organisationId} AND handled_at IS NULL
      ORDER BY notice_id LIMIT ${limit} FOR UPDATE SKIP LOCKED) AS o
    CROSS JOIN LATERAL (SELECT o.detail->>'scope' AS scope,
      CASE WHEN o.detail->>'target' ~ ${uuid} THEN (o.detail->>'target')::uuid END AS target,
      CASE WHEN o.detail->>'agent' ~ ${uuid} THEN (o.detail->>'agent')::uuid END AS agent) AS named
    LEFT JOIN airworthy.holds h
      ON h.organisation_id = o.organisation_id AND h.hold_id = o.subject_id
    LEFT JOIN airworthy.sessions s ON s.organisation_id = o.organisation_id
      AND s.session_id = CASE named.scope WHEN 'session' THEN named.target ELSE o.subject_id END
    LEFT JOIN airworthy.agent_versions v ON v.organisation_id = o.organisation_id
      AND v.version_id = CASE named.scope WHEN 'version' THEN named.target END
    LEFT JOIN airworthy.agents a ON a.organisation_id = o.organisation_id
      AND a.agent_id = coalesce(h.agent_id, s.agent_id, v.agent_id, named.agent,
        CASE named.scope WHEN 'agent' THEN named.target END)
    ORDER BY o.notice_id`.execute(tx)
  return found.rows
}

function deliveriesOf(
  organisationId: OrganisationId,
  notice: NoticeRow,
  channels: readonly Channel[],
) {
  const { kind } = notice
  return channels
    .filter(({ filter }) => isSent(filter, kind, agentOf(notice)))
    .flatMap(({ channelId, recipients }) =>
      recipients.map((recipient) => ({
        organisation_id: organisationId,
        delivery_id: randomUUIDv7(),
        channel_id: channelId,
        recipient,
        notice_id: notice.notice_id,
        kind,
        subject_id: notice.subject_id,
        detail: JSON.stringify(detailOf(notice)),
        noticed_at: notice.created_at,
        state: 'pending' as const,
      })),
    )
}

/** With the agent's name, which people know, beside its id. */
function detailOf({ detail, name }: NoticeRow): Readonly<Record<string, unknown>> {
  const fields = typeof detail === 'object' && detail !== null ? Object.entries(detail) : []
  return { ...Object.fromEntries(fields), ...(name === null ? {} : { agentName: name }) }
}

function agentOf({ name, owner, stakes }: NoticeRow): NoticeAgent | undefined {
  return name === null || owner === null || stakes === null ? undefined : { name, owner, stakes }
}
