// Messages on their way. A gateway that sends one holds a lease on it; one that dies leaves it to the
// next, so a message is sent at least once, and receivers know it by its id.
import { randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { NoticeKind } from '../../core/approval/notice.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { DeliveryState } from '../schema/channel-schema.ts'
import type { Database } from '../database.ts'
import type { Schema } from '../schema/schema.ts'

/** Twice the longest attempt: two gateways never send one message at once. */
const leaseMs = 30_000

export type ClaimedDelivery = {
  readonly deliveryId: string
  readonly leaseId: string
  readonly channelId: string
  /** Sealed. */
  readonly target: Buffer
  readonly hidesAmount: boolean
  readonly recipient: string
  readonly kind: NoticeKind
  readonly subjectId: string
  readonly detail: unknown
  readonly noticedAt: Date
  /** With this one. */
  readonly attempts: number
}

// Times that rows are looked for by are now(): clock_timestamp() may change while a statement runs, so no
// index serves it.

/** Whether anything waits: notices, or deliveries whose time has come. One look a second. */
export async function isWorkOpen(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<{ readonly notices: boolean; readonly deliveries: boolean }> {
  const found = await sql<{ notices: boolean; deliveries: boolean }>`SELECT
    EXISTS (SELECT FROM airworthy.outbox
      WHERE organisation_id = ${organisationId} AND handled_at IS NULL) AS notices,
    EXISTS (SELECT FROM airworthy.channels c
      CROSS JOIN LATERAL (SELECT FROM airworthy.deliveries
        WHERE organisation_id = c.organisation_id AND channel_id = c.channel_id
          AND state = 'pending' AND next_at <= now() LIMIT 1) AS due
      WHERE c.organisation_id = ${organisationId} AND c.removed_at IS NULL) AS deliveries`.execute(
    db,
  )
  return found.rows[0] ?? { notices: false, deliveries: false }
}

/**
 * Leases deliveries that are due, at most so many of each channel: a receiver that hangs keeps no other
 * channel waiting. `busy` has how many of a channel this gateway is sending already.
 */
export async function claimDeliveries(
  db: Database,
  organisationId: OrganisationId,
  options: {
    readonly limit: number
    readonly channelMax: number
    readonly busy: ReadonlyMap<string, number>
  },
): Promise<ClaimedDelivery[]> {
  const leaseId = randomUUIDv7()
  const { limit, channelMax, busy } = options
  const found = await sql<ClaimedRow>`
    WITH busy AS (SELECT * FROM unnest(${[...busy.keys()]}::uuid[], ${[...busy.values()]}::int[])
      AS b(channel_id, count)),
    due AS (
      SELECT d.delivery_id FROM airworthy.channels c
      LEFT JOIN busy b ON b.channel_id = c.channel_id
      CROSS JOIN LATERAL (
        SELECT delivery_id, next_at FROM airworthy.deliveries
        WHERE organisation_id = c.organisation_id AND channel_id = c.channel_id
          AND state = 'pending' AND next_at <= now()
        ORDER BY next_at LIMIT greatest(0, ${channelMax} - coalesce(b.count, 0))
        FOR UPDATE SKIP LOCKED) AS d
      WHERE c.organisation_id = ${organisationId} AND c.removed_at IS NULL
      ORDER BY d.next_at LIMIT ${limit}
    )
    UPDATE airworthy.deliveries d SET attempts = d.attempts + 1, lease_id = ${leaseId},
      next_at = clock_timestamp() + make_interval(secs => ${leaseMs / 1000})
    FROM due, airworthy.channels c
    WHERE d.organisation_id = ${organisationId} AND d.delivery_id = due.delivery_id
      AND c.organisation_id = d.organisation_id AND c.channel_id = d.channel_id
    RETURNING d.delivery_id, d.channel_id, c.target, c.hides_amount, d.recipient, d.kind,
      d.subject_id, d.detail, d.noticed_at, d.attempts`.execute(db)
  return found.rows.map((row) => ({
    deliveryId: row.delivery_id,
    leaseId,
    channelId: row.channel_id,
    target: row.target,
    hidesAmount: row.hides_amount,
    recipient: row.recipient,
    kind: row.kind,
    subjectId: row.subject_id,
    detail: row.detail,
    noticedAt: row.noticed_at,
    attempts: row.attempts,
  }))
}

type ClaimedRow = {
  readonly delivery_id: string
  readonly channel_id: string
  readonly target: Buffer
  readonly hides_amount: boolean
  readonly recipient: string
  readonly kind: NoticeKind
  readonly subject_id: string
  readonly detail: unknown
  readonly noticed_at: Date
  readonly attempts: number
}

/** What became of an attempt. `retryInMs` undefined: it is not tried again. */
export type AttemptEnd =
  | { readonly kind: 'sent' }
  | {
      readonly kind: 'failed'
      readonly failure: string
      readonly retryInMs: number | undefined
      /** It was not tried to its end, and does not count. */
      readonly isUncounted?: boolean
    }

/** Writes it, unless the lease has run out and another gateway has taken the delivery. */
export async function endAttempt(
  db: Database,
  organisationId: OrganisationId,
  attempt: { readonly deliveryId: string; readonly leaseId: string; readonly end: AttemptEnd },
): Promise<void> {
  const { deliveryId, leaseId, end } = attempt
  const isOver = end.kind === 'sent' || end.retryInMs === undefined
  const state = end.kind === 'sent' ? 'sent' : isOver ? 'dead' : 'pending'
  const failure = end.kind === 'sent' ? null : end.failure
  const waitMs = end.kind === 'sent' ? 0 : (end.retryInMs ?? 0)
  const uncounted = end.kind === 'failed' && end.isUncounted === true ? 1 : 0
  await sql`UPDATE airworthy.deliveries SET state = ${state}, failure = ${failure},
      lease_id = NULL, attempts = attempts - ${uncounted}::int,
      next_at = clock_timestamp() + make_interval(secs => ${waitMs / 1000}),
      ended_at = CASE WHEN ${isOver} THEN clock_timestamp() END
    WHERE organisation_id = ${organisationId} AND delivery_id = ${deliveryId}
      AND lease_id = ${leaseId} AND state = 'pending'`.execute(db)
}

export type Delivery = {
  readonly deliveryId: string
  readonly channel: string
  readonly recipient: string
  readonly kind: NoticeKind
  readonly subjectId: string
  readonly state: DeliveryState
  readonly attempts: number
  readonly failure: string | null
  readonly noticedAt: Date
  /** When it is tried again; null when it is not. */
  readonly nextAt: Date | null
  readonly endedAt: Date | null
}

/** The newest first. */
export async function listDeliveries(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: {
    readonly channelId?: string | undefined
    readonly deliveryId?: string | undefined
    readonly subjectId?: string | undefined
    readonly state?: DeliveryState | undefined
    readonly before?: string | undefined
    readonly limit: number
  },
): Promise<Delivery[]> {
  const { channelId, deliveryId, subjectId, state, before, limit } = page
  let query = db
    .selectFrom('airworthy.deliveries as d')
    .innerJoin('airworthy.channels as c', (join) =>
      join
        .onRef('c.organisation_id', '=', 'd.organisation_id')
        .onRef('c.channel_id', '=', 'd.channel_id'),
    )
    .selectAll('d')
    .select('c.name')
    .where('d.organisation_id', '=', organisationId)
  if (channelId !== undefined) query = query.where('d.channel_id', '=', channelId)
  if (deliveryId !== undefined) query = query.where('d.delivery_id', '=', deliveryId)
  if (subjectId !== undefined) query = query.where('d.subject_id', '=', subjectId)
  if (state !== undefined) query = query.where('d.state', '=', state)
  if (before !== undefined) query = query.where('d.delivery_id', '<', before)
  const rows = await query.orderBy('d.delivery_id', 'desc').limit(limit).execute()
  return rows.map((row) => ({
    deliveryId: row.delivery_id,
    channel: row.name,
    recipient: row.recipient,
    kind: row.kind,
    subjectId: row.subject_id,
    state: row.state,
    attempts: row.attempts,
    failure: row.failure,
    noticedAt: row.noticed_at,
    nextAt: row.state === 'pending' ? row.next_at : null,
    endedAt: row.ended_at,
  }))
}

/** How many messages of a channel are in which state, and how many died in the last seven days. */
export type DeliveryCounts = Readonly<Record<DeliveryState | 'deadLately', number>>

/** Of each channel that has any, by its id; with `channelId` of that one alone. */
export async function countDeliveries(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  channelId?: string,
): Promise<ReadonlyMap<string, DeliveryCounts>> {
  const one = channelId === undefined ? sql`` : sql`AND channel_id = ${channelId}`
  const found = await sql<DeliveryCounts & { readonly channel_id: string }>`
    SELECT channel_id, count(*) FILTER (WHERE state = 'pending')::int AS pending,
      count(*) FILTER (WHERE state = 'sent')::int AS sent,
      count(*) FILTER (WHERE state = 'dead')::int AS dead,
      count(*) FILTER (WHERE state = 'dead' AND ended_at > now() - interval '7 days')::int
        AS "deadLately"
    FROM airworthy.deliveries WHERE organisation_id = ${organisationId} ${one}
    GROUP BY channel_id`.execute(db)
  return new Map(found.rows.map(({ channel_id, ...counts }) => [channel_id, counts]))
}

/** Ends what waits for channels that were removed; at most a page. Gives how many. */
export async function endOfRemoved(
  db: Database,
  organisationId: OrganisationId,
  limit: number,
): Promise<number> {
  const ended = await sql`UPDATE airworthy.deliveries
    SET state = 'dead', failure = 'the channel was removed', ended_at = clock_timestamp()
    WHERE organisation_id = ${organisationId} AND delivery_id = ANY(ARRAY(
      SELECT d.delivery_id FROM airworthy.channels c
      CROSS JOIN LATERAL (SELECT delivery_id FROM airworthy.deliveries
        WHERE organisation_id = c.organisation_id AND channel_id = c.channel_id
          AND state = 'pending' LIMIT ${limit} FOR UPDATE SKIP LOCKED) AS d
      WHERE c.organisation_id = ${organisationId} AND c.removed_at IS NOT NULL
      LIMIT ${limit}))`.execute(db)
  return Number(ended.numAffectedRows ?? 0n)
}

/**
 * Has a message sent again now, with all its attempts before it. False where it is not dead, or its
 * channel is removed.
 */
export async function retryDelivery(
  db: Database,
  organisationId: OrganisationId,
  deliveryId: string,
): Promise<boolean> {
  const changed = await sql`UPDATE airworthy.deliveries d
    SET state = 'pending', attempts = 0, next_at = clock_timestamp(), ended_at = NULL
    FROM airworthy.channels c
    WHERE d.organisation_id = ${organisationId} AND d.delivery_id = ${deliveryId}
      AND d.state = 'dead' AND c.organisation_id = d.organisation_id
      AND c.channel_id = d.channel_id AND c.removed_at IS NULL`.execute(db)
  return (changed.numAffectedRows ?? 0n) > 0n
}

/** Deletes what ended some time ago; at most a page. Gives how many. */
export async function forgetDeliveries(
  db: Database,
  organisationId: OrganisationId,
  options: { readonly sentKeptMs: number; readonly deadKeptMs: number; readonly limit: number },
): Promise<number> {
  const { sentKeptMs, deadKeptMs, limit } = options
  const forgotten = await sql`DELETE FROM airworthy.deliveries
    WHERE organisation_id = ${organisationId} AND delivery_id = ANY(ARRAY(
      SELECT delivery_id FROM airworthy.deliveries
      WHERE organisation_id = ${organisationId} AND state <> 'pending'
        -- What the index can give; the next says it for each state.
        AND ended_at < now()
          - make_interval(secs => ${Math.min(sentKeptMs, deadKeptMs) / 1000}::float8)
        AND ended_at < now() - make_interval(secs => CASE state
          WHEN 'sent' THEN ${sentKeptMs / 1000}::float8 ELSE ${deadKeptMs / 1000}::float8 END)
      ORDER BY ended_at LIMIT ${limit} FOR UPDATE SKIP LOCKED))`.execute(db)
  return Number(forgotten.numAffectedRows ?? 0n)
}
