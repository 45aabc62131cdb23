// Who works on a run. A worker holds a lease, which it renews; when it dies any gateway takes over,
// and the fence, which grows with every lease, keeps the one before from writing anything more.
import { type Kysely, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { RunState } from '../../core/run/run.ts'
import type { Database } from '../database.ts'
import { enter, takeBackRun } from './run-commands.ts'
import { findRun, type RunRow } from './runs.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

export const leaseSeconds = 20

export type RunLease = { readonly runId: string; readonly fence: string }

/** Leases runs that need work and have nobody at work on them. */
export async function leaseRuns(
  db: Database,
  organisationId: OrganisationId,
  worker: { readonly replicaId: string; readonly limit: number },
): Promise<RunLease[]> {
  const leased = await sql<{ run_id: string; fence: string }>`
    UPDATE airworthy.runs SET fence = fence + 1, lease_replica = ${worker.replicaId},
      lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
    WHERE organisation_id = ${organisationId} AND run_id IN (
      SELECT r.run_id FROM airworthy.runs r WHERE r.organisation_id = ${organisationId}
        AND r.state IN ('completing', 'compensating') AND r.parent_run_id IS NULL
        AND (r.next_at IS NULL OR r.next_at <= clock_timestamp())
        AND (r.lease_until IS NULL OR r.lease_until <= clock_timestamp() OR EXISTS (
          SELECT FROM airworthy.replicas p WHERE p.organisation_id = r.organisation_id
            AND p.replica_id = r.lease_replica AND p.ended_at IS NOT NULL))
      ORDER BY r.next_at LIMIT ${worker.limit} FOR UPDATE OF r SKIP LOCKED)
    RETURNING run_id, fence`.execute(db)
  return leased.rows.map((row) => ({ runId: row.run_id, fence: row.fence }))
}

/** Renews a lease. Gives the run and the time of the database; undefined when it was lost. */
export async function renewLease(
  db: Database,
  organisationId: OrganisationId,
  lease: RunLease,
): Promise<{ run: RunRow; nowMs: number } | undefined> {
  const renewed = await sql<{ now_ms: string }>`
    UPDATE airworthy.runs SET
      lease_until = clock_timestamp() + make_interval(secs => ${leaseSeconds})
    WHERE organisation_id = ${organisationId} AND run_id = ${lease.runId}
      AND fence = ${lease.fence} AND lease_until IS NOT NULL
    RETURNING (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms`.execute(db)
  const [row] = renewed.rows
  const run = row && (await findRun(db, organisationId, lease.runId))
  return row === undefined || run === undefined ? undefined : { run, nowMs: Number(row.now_ms) }
}

/** Gives a run back, to be gone on with at the given time, or at once. */
export async function releaseLease(
  db: Database,
  organisationId: OrganisationId,
  lease: RunLease,
  untilMs?: number,
): Promise<void> {
  const nextAt = untilMs === undefined ? sql`next_at` : sql`to_timestamp(${untilMs} / 1000.0)`
  await sql`UPDATE airworthy.runs SET lease_until = NULL, next_at = ${nextAt}
    WHERE organisation_id = ${organisationId} AND run_id = ${lease.runId}
      AND fence = ${lease.fence}`.execute(db)
}

/** Notes an attempt on a step that came to nothing, or that it is given up. */
export async function noteAttempt(
  db: Database,
  organisationId: OrganisationId,
  attempt: {
    readonly lease: RunLease
    readonly step: { readonly effectId: string; readonly callId: string }
    readonly code: string
    readonly message: string
    readonly isLeft: boolean
    /** From now until the next one. */
    readonly delayMs: number
  },
): Promise<void> {
  const { lease, step, code, message, isLeft, delayMs } = attempt
  const text = message.replaceAll('\u0000', ' ').slice(0, 500)
  await sql`INSERT INTO airworthy.run_steps AS s (organisation_id, run_id, effect_id, call_id,
      attempts, next_at, code, message, is_left)
    SELECT ${organisationId}, r.run_id, ${step.effectId}, ${step.callId}, 1,
      clock_timestamp() + make_interval(secs => ${delayMs / 1000}), ${code}, ${text}, ${isLeft}
    FROM airworthy.runs r WHERE r.organisation_id = ${organisationId}
      AND r.run_id = ${lease.runId} AND r.fence = ${lease.fence}
    ON CONFLICT (organisation_id, run_id, effect_id) DO UPDATE SET attempts = s.attempts + 1,
      next_at = excluded.next_at, code = excluded.code, message = excluded.message,
      is_left = excluded.is_left`.execute(db)
}

/** Ends a run, and what it took with it. False where the lease was lost, or the run went on. */
export async function finishRun(
  db: Database,
  organisationId: OrganisationId,
  end: {
    readonly lease: RunLease
    readonly from: RunState
    readonly state: 'completed' | 'compensated' | 'stuck'
  },
): Promise<boolean> {
  const { lease, from, state } = end
  return runCommand(db, organisationId, async (tx) => {
    if (!(await isHeld(tx, organisationId, lease, from))) return false
    const run = await findRun(tx, organisationId, lease.runId)
    if (run === undefined) return false
    const { runId } = run
    const atMs = await enter(tx, organisationId, { session: run, runId, type: `run.${state}` })
    await sql`UPDATE airworthy.runs SET state = ${state}, ended_at = ${new Date(atMs)},
        lease_until = NULL
      WHERE organisation_id = ${organisationId}
        AND (run_id = ${runId} OR (parent_run_id = ${runId} AND state = 'compensating'))`.execute(
      tx,
    )
    return true
  })
}

async function isHeld(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  lease: RunLease,
  state: RunState,
): Promise<boolean> {
  const found = await sql`SELECT FROM airworthy.runs WHERE organisation_id = ${organisationId}
    AND run_id = ${lease.runId} AND fence = ${lease.fence} AND state = ${state}`.execute(tx)
  return found.rows.length > 0
}

/** Takes back runs whose time is over. Gives how many there were; at most a page of them. */
export async function expireRuns(
  db: Database,
  organisationId: OrganisationId,
  limit: number,
): Promise<number> {
  const due = await sql<{ run_id: string }>`SELECT run_id FROM airworthy.runs
    WHERE organisation_id = ${organisationId} AND state = 'open'
      AND expires_at <= clock_timestamp() ORDER BY expires_at LIMIT ${limit}`.execute(db)
  if (due.rows.length === 0) return 0
  return runCommand(db, organisationId, async (tx) => {
    let expired = 0
    for (const { run_id } of due.rows) {
      const run = await findRun(tx, organisationId, run_id)
      if (run === undefined || run.state !== 'open') continue
      await takeBackRun(tx, organisationId, { run, reason: 'run.expired' })
      expired += 1
    }
    return expired
  })
}
