// Where an agent stood when its session went to a person: its last calls, what is not at its end,
// and all that was told in the session, in order.
import { sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { type EffectRow, listEffectsOfCalls } from '../calls/effects.ts'
import type { Handover } from './handovers.ts'
import { listRuns, type RunRow } from '../runs/runs.ts'

const openMax = 200
const runsMax = 200

export type StandingCall = {
  readonly callId: string
  readonly action: string
  readonly state: string
  readonly at: Date
}

type StandingHold = {
  readonly holdId: string
  readonly callId: string
  readonly action: string
  readonly until: Date
}

export type Standing = {
  readonly lastTool: StandingCall | undefined
  readonly lastModel: StandingCall | undefined
  readonly holds: readonly StandingHold[]
  readonly openEffects: readonly EffectRow[]
  readonly runs: readonly RunRow[]
  readonly messages: number
}

const endedRuns: ReadonlySet<string> = new Set(['completed', 'compensated', 'settled'])

export async function readStanding(
  db: Database,
  organisationId: OrganisationId,
  { sessionId, handoverId }: Pick<Handover, 'sessionId' | 'handoverId'>,
): Promise<Standing> {
  const [lastTool, lastModel, holds, open, runs, counted] = await Promise.all([
    findLast(db, organisationId, { sessionId, kind: 'tool' }),
    findLast(db, organisationId, { sessionId, kind: 'model' }),
    listWaiting(db, organisationId, sessionId),
    sql<{ call_id: string }>`SELECT call_id FROM airworthy.effects
      WHERE organisation_id = ${organisationId} AND session_id = ${sessionId}
        AND state IN ('held', 'deferred', 'executing', 'unknown', 'undoing')
      ORDER BY effect_id LIMIT ${openMax}`.execute(db),
    listRuns(db, organisationId, { sessionId, limit: runsMax }),
    sql<{ count: number }>`SELECT count(*)::int AS count FROM airworthy.handover_messages
      WHERE organisation_id = ${organisationId} AND handover_id = ${handoverId}`.execute(db),
  ])
  const callIds = open.rows.map((row) => row.call_id)
  return {
    lastTool,
    lastModel,
    holds,
    openEffects: await listEffectsOfCalls(db, organisationId, callIds),
    runs: runs.filter((run) => !endedRuns.has(run.state)),
    messages: counted.rows[0]?.count ?? 0,
  }
}

async function findLast(
  db: Database,
  organisationId: OrganisationId,
  of: { readonly sessionId: string; readonly kind: 'tool' | 'model' },
): Promise<StandingCall | undefined> {
  const row = await db
    .selectFrom('airworthy.calls')
    .select(['call_id', 'action', 'state', 'created_at'])
    .where('organisation_id', '=', organisationId)
    .where('session_id', '=', of.sessionId)
    .where('kind', '=', of.kind)
    // What was refused is no step of the agent's way.
    .where('state', '<>', 'denied')
    .orderBy('call_id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && { callId: row.call_id, action: row.action, state: row.state, at: row.created_at }
}

async function listWaiting(
  db: Database,
  organisationId: OrganisationId,
  sessionId: string,
): Promise<StandingHold[]> {
  const rows = await db
    .selectFrom('airworthy.holds')
    .select(['hold_id', 'call_id', 'action', 'expires_at'])
    .where('organisation_id', '=', organisationId)
    .where('session_id', '=', sessionId)
    .where('state', '=', 'pending')
    .orderBy('hold_id')
    .limit(openMax)
    .execute()
  return rows.map((row) => ({
    holdId: row.hold_id,
    callId: row.call_id,
    action: row.action,
    until: row.expires_at,
  }))
}

/** A call, or a message of a person. */
export type Told = {
  readonly id: string
  readonly kind: 'model' | 'tool' | 'undo' | 'message'
  /** Of a message: whom it is for. */
  readonly action: string
  readonly state: string
  readonly code: string | null
  readonly operatorId: string | null
  readonly repeatOf: string | null
  readonly at: Date
}

/** What was told in a session, in the order of the ids, that is of making, after the given one. */
export async function listTold(
  db: Database,
  organisationId: OrganisationId,
  page: {
    readonly sessionId: string
    readonly after: string | undefined
    readonly limit: number
  },
): Promise<Told[]> {
  const { sessionId, limit } = page
  const after = page.after ?? '00000000-0000-0000-0000-000000000000'
  const found = await sql<Told>`
    (SELECT c.call_id AS id, c.kind, c.action, c.state, c.code, h.operator_id AS "operatorId",
        c.repeat_of AS "repeatOf", c.created_at AS at
      FROM airworthy.calls c LEFT JOIN airworthy.handover_calls h USING (organisation_id, call_id)
      WHERE c.organisation_id = ${organisationId} AND c.session_id = ${sessionId}
        AND c.call_id > ${after} ORDER BY c.call_id LIMIT ${limit})
    UNION ALL
    (SELECT m.message_id, 'message', m.audience, 'done', NULL, m.operator_id, NULL, m.written_at
      FROM airworthy.handover_messages m
      JOIN airworthy.handovers v USING (organisation_id, handover_id)
      WHERE m.organisation_id = ${organisationId} AND v.session_id = ${sessionId}
        AND m.message_id > ${after} ORDER BY m.message_id LIMIT ${limit})
    ORDER BY id LIMIT ${limit}`.execute(db)
  return found.rows
}
