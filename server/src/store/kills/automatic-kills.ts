// Kills that a pact's own rules issue. A cause kills once, whichever gateway sees it first.
import { type Kysely, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { KillMode, KillScope } from '../../core/kill/kill.ts'
import type { Database } from '../database.ts'
import { type KillRow, issueKill } from './kills.ts'
import type { Schema } from '../schema/schema.ts'

/** Causes older than this are history: a gateway that was away does not act on them. */
const causeSeconds = 600
const causesMax = 1000

export type PactInUse = { readonly agentId: string; readonly pactId: string }

/** Which pact each agent acts under. */
export async function listPactsInUse(
  db: Database,
  organisationId: OrganisationId,
): Promise<PactInUse[]> {
  const rows = await db
    .selectFrom('airworthy.agents')
    .select(['agent_id', 'pact_id'])
    .where('organisation_id', '=', organisationId)
    .execute()
  return rows.map((row) => ({ agentId: row.agent_id, pactId: row.pact_id }))
}

export type Cause = {
  /** Names it for good. */
  readonly cause: string
  /** Undefined where nobody knows which one it was. */
  readonly sessionId: string | undefined
}

/** Anomalies that people are being told of. */
export async function listAnomalies(
  db: Database,
  organisationId: OrganisationId,
  agentId: string,
): Promise<Cause[]> {
  const found = await sql<{ notice_id: string; session_id: string | null }>`
    SELECT notice_id, detail->>'session' AS session_id FROM airworthy.outbox
    WHERE organisation_id = ${organisationId} AND kind = 'escalation.anomaly'
      AND detail->>'agent' = ${agentId}
      AND created_at > now() - make_interval(secs => ${causeSeconds})
    ORDER BY notice_id LIMIT ${causesMax}`.execute(db)
  return found.rows.map((row) => ({
    cause: `anomaly ${row.notice_id}`,
    sessionId: row.session_id ?? undefined,
  }))
}

/** Budgets that a call of the agent used up. */
export async function listSpentBudgets(
  db: Database,
  organisationId: OrganisationId,
  agentId: string,
): Promise<Cause[]> {
  const found = await sql<{ log_id: string; seq: string; session_id: string }>`
    SELECT a.log_id, a.seq, i.session_id FROM airworthy.budget_alerts a
    JOIN airworthy.call_intents i
      ON i.organisation_id = a.organisation_id AND i.call_id = a.call_id
    WHERE a.organisation_id = ${organisationId} AND a.threshold = 100
      AND a.at > clock_timestamp() - make_interval(secs => ${causeSeconds})
      AND i.agent_id = ${agentId} ORDER BY a.at LIMIT ${causesMax}`.execute(db)
  return found.rows.map((row) => ({
    cause: `budget ${row.log_id}/${row.seq}`,
    sessionId: row.session_id,
  }))
}

/** Sessions, or the agent as a whole, with as many writes that failed or are unknown. */
export async function listIncidents(
  db: Database,
  organisationId: OrganisationId,
  of: {
    readonly agentId: string
    readonly scope: 'session' | 'agent'
    readonly count: number
    readonly withinSeconds: number
    readonly nowMs: number
  },
): Promise<Cause[]> {
  const { agentId, scope, count, withinSeconds, nowMs } = of
  // Ids of effects begin with their time.
  const hex = Math.max(0, nowMs - withinSeconds * 1000)
    .toString(16)
    .padStart(12, '0')
  const floor = `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
  const found = await sql<{ session_id: string; newest: string }>`
    SELECT max(e.session_id::text) AS session_id, max(e.effect_id::text) AS newest
    FROM airworthy.effects e
    WHERE e.organisation_id = ${organisationId} AND e.effect_id >= ${floor}::uuid
      AND e.agent_id = ${agentId} AND e.effect_class <> 'read'
      AND e.state IN ('failed', 'unknown')
      -- What was looked at with the last one does not count again.
      AND NOT EXISTS (SELECT FROM airworthy.kills k WHERE k.organisation_id = e.organisation_id
        AND k.rule = 'killOn.incident' AND k.scope_id IN (e.agent_id::text, e.session_id::text)
        AND (k.resumed_at IS NULL OR e.created_at <= k.resumed_at))
    GROUP BY CASE WHEN ${scope} = 'session' THEN e.session_id END
    HAVING count(*) >= ${count} LIMIT ${causesMax}`.execute(db)
  return found.rows.map((row) => ({ cause: `incident ${row.newest}`, sessionId: row.session_id }))
}

/** Issues the kill unless the cause has had one; undefined then. */
export async function issueAutomaticKill(
  db: Database,
  organisationId: OrganisationId,
  kill: {
    readonly cause: string
    readonly rule: string
    readonly scope: KillScope
    readonly mode: KillMode
    readonly reason: string
  },
): Promise<KillRow | undefined> {
  const { cause, rule, scope, mode, reason } = kill
  return db.transaction().execute(async (tx) => {
    if (!(await isNew(tx, organisationId, `${rule} ${scope.id} ${cause}`))) return undefined
    const by = { rule }
    return issueKill(tx, organisationId, { scope, mode, reason, by, revokesKeys: false })
  })
}

async function isNew(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  cause: string,
): Promise<boolean> {
  const inserted = await sql`INSERT INTO airworthy.kill_causes (organisation_id, cause)
    VALUES (${organisationId}, ${cause}) ON CONFLICT DO NOTHING`.execute(tx)
  return inserted.numAffectedRows === 1n
}

/** Forgets causes that are too old to be seen again. */
export async function forgetCauses(db: Database, organisationId: OrganisationId): Promise<void> {
  await sql`DELETE FROM airworthy.kill_causes WHERE organisation_id = ${organisationId}
    AND seen_at < clock_timestamp() - make_interval(secs => ${causeSeconds * 12})`.execute(db)
}
