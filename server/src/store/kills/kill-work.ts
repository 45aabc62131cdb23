// What a kill does beside stopping calls: it cancels the holds of its scope, revokes keys where it
// was told to, and takes back the runs that are open. Some at a time, each page a command of its own:
// none of it can go on meanwhile, because the kill is in force.
import { type RawBuilder, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { KillScope } from '../../core/kill/kill.ts'
import type { Database } from '../database.ts'
import { listApiKeys, revokeApiKey } from '../identity/keys.ts'
import type { KillRow } from './kills.ts'
import { appendEntries } from '../log/log.ts'
import { takeBackRun } from '../runs/run-commands.ts'
import { findRun } from '../runs/runs.ts'
import { runCommand } from '../transaction.ts'

const pageMax = 200

type HeldRow = {
  hold_id: string
  call_id: string
  session_id: string
  agent_id: string
  version_id: string
  pact_id: string
  effect_id: string | null
}

/**
 * Cancels a page of the holds in the scope; gives how many. Calls that wait for their run, and not
 * for a person, stay: the run stands still, and is completed or taken back later.
 */
export async function cancelHoldsOf(
  db: Database,
  organisationId: OrganisationId,
  kill: KillRow,
): Promise<number> {
  return runCommand(db, organisationId, async (tx) => {
    const found = await sql<HeldRow>`SELECT h.hold_id, h.call_id, h.session_id, h.agent_id,
        c.version_id, h.pact_id, c.effect_id
      FROM airworthy.holds h JOIN airworthy.call_intents c
        ON c.organisation_id = h.organisation_id AND c.call_id = h.call_id
      WHERE h.organisation_id = ${organisationId} AND h.state IN ('pending', 'approving')
        AND ${inScope(kill.scope, sql`CASE WHEN c.kind = 'tool' THEN c.action END`)}
      ORDER BY h.hold_id LIMIT ${pageMax}`.execute(tx)
    if (found.rows.length === 0) return 0
    const entries = await appendEntries(
      tx,
      organisationId,
      found.rows.map((row) => ({
        type: 'hold.cancelled' as const,
        agentId: row.agent_id,
        versionId: row.version_id,
        pactId: row.pact_id,
        sessionId: row.session_id,
        callId: row.call_id,
        body: { code: 'kill.active', hold: row.hold_id, kill: kill.killId },
      })),
    )
    const at = new Date(entries[0]?.atMs ?? 0)
    const holdIds = found.rows.map((row) => row.hold_id)
    await sql`UPDATE airworthy.holds SET state = 'cancelled', decided_at = ${at}
      WHERE organisation_id = ${organisationId} AND hold_id = ANY(${holdIds}::uuid[])`.execute(tx)
    // What is not live makes room: the same call may be made again once the kill is over.
    const effectIds = found.rows.flatMap((row) => row.effect_id ?? [])
    await sql`UPDATE airworthy.effects SET state = 'denied', is_live = false, settled_at = ${at}
      WHERE organisation_id = ${organisationId} AND effect_id = ANY(${effectIds}::uuid[])
        AND state IN ('held', 'deferred')`.execute(tx)
    const callIds = found.rows.map((row) => row.call_id)
    const seqs = entries.map((entry) => entry.seq.toString())
    await sql`INSERT INTO airworthy.call_outcomes
        (organisation_id, call_id, state, code, outcome_seq, settled_at)
      SELECT ${organisationId}, r.call_id, 'denied', 'kill.active', r.seq, ${at}
      FROM unnest(${callIds}::uuid[], ${seqs}::bigint[]) AS r(call_id, seq)`.execute(tx)
    await sql`UPDATE airworthy.kills SET cancelled_holds = cancelled_holds + ${callIds.length}
      WHERE organisation_id = ${organisationId} AND kill_id = ${kill.killId}`.execute(tx)
    return callIds.length
  })
}

/** A condition on `c`, a call's intent or what has the same columns. */
function inScope({ kind, id }: KillScope, action: RawBuilder<unknown>): RawBuilder<boolean> {
  switch (kind) {
    case 'agent':
      return sql`c.agent_id = ${id}::uuid`
    case 'version':
      return sql`c.version_id = ${id}::uuid`
    case 'session':
      return sql`c.session_id = ${id}::uuid`
    case 'tool':
      return id.endsWith('/*')
        ? sql`starts_with(${action}, ${id.slice(0, -1)})`
        : sql`${action} = ${id}`
    case 'organisation':
    default:
      return sql`true`
  }
}

/** Revokes all keys of the agents in the scope, for good; gives how many. */
export async function revokeKeysOf(
  db: Database,
  organisationId: OrganisationId,
  kill: KillRow,
): Promise<number> {
  const { kind, id } = kill.scope
  const found = await sql<{ agent_id: string }>`SELECT a.agent_id FROM airworthy.agents a
    WHERE a.organisation_id = ${organisationId} AND (${kind} = 'organisation'
      OR (${kind} = 'agent' AND a.agent_id::text = ${id})
      OR (${kind} = 'version' AND EXISTS (SELECT FROM airworthy.agent_versions v
        WHERE v.organisation_id = a.organisation_id AND v.agent_id = a.agent_id
          AND v.version_id::text = ${id})))`.execute(db)
  let revoked = 0
  for (const { agent_id: agentId } of found.rows) {
    revoked += await runCommand(db, organisationId, async (tx) => {
      const keys = await listApiKeys(tx, organisationId, { agentId })
      const live = keys.filter((key) => key.revokedAt === null)
      for (const { apiKeyId } of live) {
        await revokeApiKey(tx, organisationId, { agentId, apiKeyId })
      }
      return live.length
    })
  }
  return revoked
}

/** Takes back a page of the runs in the scope that are open; gives how many. */
export async function unwindRunsOf(
  db: Database,
  organisationId: OrganisationId,
  kill: KillRow,
): Promise<number> {
  return runCommand(db, organisationId, async (tx) => {
    // A run is in the scope of a tool where one of its steps is. The whole session's come first:
    // they take the others of their session with them.
    const scope =
      kill.scope.kind === 'tool'
        ? sql`EXISTS (SELECT FROM airworthy.effects e LEFT JOIN airworthy.run_steps s
            ON s.organisation_id = e.organisation_id AND s.effect_id = e.effect_id
              AND s.run_id = c.run_id
          WHERE e.organisation_id = c.organisation_id AND e.session_id = c.session_id
            AND (c.name = '' OR s.run_id IS NOT NULL) AND e.state IN ('done', 'unknown')
            AND ${inScope(kill.scope, sql`e.action`)})`
        : inScope(kill.scope, sql`NULL`)
    const found = await sql<{ run_id: string }>`SELECT c.run_id FROM airworthy.runs c
      WHERE c.organisation_id = ${organisationId} AND c.state IN ('open', 'completing')
        AND ${scope} ORDER BY c.name, c.run_id LIMIT ${pageMax}`.execute(tx)
    for (const { run_id: runId } of found.rows) {
      const run = await findRun(tx, organisationId, runId)
      // The run of its session may have taken it already.
      if (run === undefined || (run.state !== 'open' && run.state !== 'completing')) continue
      const operatorId = kill.issuedBy ?? undefined
      await takeBackRun(tx, organisationId, { run, reason: 'kill.active', operatorId })
    }
    await sql`UPDATE airworthy.kills SET unwound_runs = unwound_runs + ${found.rows.length}
      WHERE organisation_id = ${organisationId} AND kill_id = ${kill.killId}`.execute(tx)
    return found.rows.length
  })
}

/** All of it is done. */
export async function finishKill(
  db: Database,
  organisationId: OrganisationId,
  killId: string,
): Promise<void> {
  await sql`UPDATE airworthy.kills SET finished_at = clock_timestamp()
    WHERE organisation_id = ${organisationId} AND kill_id = ${killId}
      AND finished_at IS NULL`.execute(db)
}
