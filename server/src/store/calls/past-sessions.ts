// Which sessions a replay goes through, a page at a time.
import { type RawBuilder, sql } from 'kysely'
import type { ScopeValue } from '../../core/decision/facts.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { parseScope } from '../session-scope.ts'

const sessionsMax = 100_000

export type PastSession = {
  readonly sessionId: string
  readonly task: string
  readonly endUser: string
  readonly scope: Readonly<Record<string, ScopeValue>> | undefined
  readonly openedAt: Date
}

export type PastSessionFilter = {
  readonly agentId: string
  readonly ids?: readonly string[] | undefined
  readonly since?: string | undefined
  /** Only the newest of these. */
  readonly last?: number | undefined
  /** Only those with a model URL of their own: recordings and staging. */
  readonly isRecorded?: boolean | undefined
}

type Row = {
  session_id: string
  task: string
  end_user: string
  scope: unknown
  opened_at: Date
}

/** One page in the order of opening, and how many sessions there are in all (at most 100,000). */
export async function listPastSessions(
  db: Database,
  organisationId: OrganisationId,
  page: { filter: PastSessionFilter; after: string | undefined; limit: number },
): Promise<{ readonly sessions: readonly PastSession[]; readonly total: number }> {
  const { filter, after, limit } = page
  const chosen = sql`SELECT session_id FROM airworthy.sessions
    WHERE ${condition(organisationId, filter)}
    ORDER BY session_id DESC LIMIT ${Math.min(filter.last ?? sessionsMax, sessionsMax)}`
  const counted = await sql<{ total: string }>`
    SELECT count(*) AS total FROM (${chosen}) AS chosen`.execute(db)
  const later = after === undefined ? sql`true` : sql`s.session_id > ${after}::uuid`
  const found = await sql<Row>`
    SELECT s.session_id, s.task, s.end_user, s.scope, s.opened_at
    FROM airworthy.sessions s
    WHERE s.organisation_id = ${organisationId} AND s.session_id IN (${chosen}) AND ${later}
    ORDER BY s.session_id LIMIT ${limit}`.execute(db)
  return { sessions: found.rows.map(sessionOf), total: Number(counted.rows[0]?.total ?? 0) }
}

/** The session of a call. Undefined when there is none. */
export async function findPastSession(
  db: Database,
  organisationId: OrganisationId,
  sessionId: string,
): Promise<PastSession | undefined> {
  const found = await sql<Row>`
    SELECT session_id, task, end_user, scope, opened_at FROM airworthy.sessions
    WHERE organisation_id = ${organisationId} AND session_id = ${sessionId}`.execute(db)
  const [row] = found.rows
  return row === undefined ? undefined : sessionOf(row)
}

function condition(organisationId: OrganisationId, filter: PastSessionFilter): RawBuilder<unknown> {
  const { agentId, ids, since, isRecorded } = filter
  const conditions = [
    sql`organisation_id = ${organisationId}`,
    sql`agent_id = ${agentId}`,
    ...(ids === undefined ? [] : [sql`session_id = ANY(${[...ids]}::uuid[])`]),
    ...(since === undefined ? [] : [sql`opened_at >= ${since}::timestamptz`]),
    ...(isRecorded === true ? [sql`model_base_url IS NOT NULL`] : []),
  ]
  return sql.join(conditions, sql` AND `)
}

function sessionOf(row: Row): PastSession {
  return {
    sessionId: row.session_id,
    task: row.task,
    endUser: row.end_user,
    scope: parseScope(row.scope),
    openedAt: row.opened_at,
  }
}
