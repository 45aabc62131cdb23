// What operators, launchers and agents do to runs. Each is called inside a command: the log's head
// is locked, and the entry tells every gateway to read the session's runs again.
import { randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { EntryType } from '../../core/audit/entry.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { openSteps } from '../../core/run/compensation.ts'
import {
  canMove,
  type RunPolicy,
  runsPerSessionMax,
  type RunState,
  wholeSessionName,
} from '../../core/run/run.ts'
import { appendEntries } from '../log/log.ts'
import { findRun, findRunByName, listSteps, type RunRow } from './runs.ts'
import type { Schema } from '../schema/schema.ts'

export type SessionOfRun = {
  readonly sessionId: string
  readonly agentId: string
  readonly versionId: string
  readonly pactId: string
}

/** Opens a run. Throws `run.exists` or `run.too_many`. */
export async function openRun(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  opening: {
    readonly session: SessionOfRun
    readonly name: string
    readonly policy: RunPolicy
    readonly operatorId: string
  },
): Promise<RunRow> {
  const { session, name, policy, operatorId } = opening
  const { sessionId } = session
  if ((await findRunByName(tx, organisationId, { sessionId, name })) !== undefined) {
    throw new AirworthyError('run.exists', `the session has a run ${name} already`)
  }
  const counted = await sql<{ count: number }>`SELECT count(*)::int AS count FROM airworthy.runs
    WHERE organisation_id = ${organisationId} AND session_id = ${sessionId}`.execute(tx)
  if ((counted.rows[0]?.count ?? 0) >= runsPerSessionMax) {
    throw new AirworthyError('run.too_many', `a session has at most ${runsPerSessionMax} runs`)
  }
  const runId = randomUUIDv7()
  const atMs = await enter(tx, organisationId, { session, runId, type: 'run.opened', operatorId })
  await tx
    .insertInto('airworthy.runs')
    .values({
      organisation_id: organisationId,
      run_id: runId,
      session_id: sessionId,
      agent_id: session.agentId,
      version_id: session.versionId,
      pact_id: session.pactId,
      name,
      state: 'open',
      on_failure: policy.onFailure,
      on_denied: policy.onDenied,
      irreversible_last: policy.irreversibleLast,
      expires_at: new Date(atMs + policy.expiresAfterSeconds * 1000),
      opened_by: operatorId,
      opened_at: new Date(atMs),
    })
    .execute()
  return requireRun(tx, organisationId, runId)
}

/** The run of this id. Throws `run.unknown`. */
export async function requireRun(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  runId: string,
): Promise<RunRow> {
  const run = await findRun(tx, organisationId, runId)
  if (run === undefined) throw new AirworthyError('run.unknown', `there is no run ${runId}`)
  return run
}

/**
 * Takes a run back, from now on: no call of it is placed any more. The whole session's takes the
 * session's other runs with it. A run that is being taken back, or was, stays as it is. Throws
 * `run.closed` where it was settled, or is part of a session that is taken back.
 */
export async function takeBackRun(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  closing: {
    readonly run: RunRow
    readonly reason: string
    readonly operatorId?: string | undefined
  },
): Promise<RunRow> {
  const { run, reason, operatorId } = closing
  if (run.state === 'compensating' || run.state === 'compensated') return run
  if (!canMove(run.state, 'compensating')) {
    throw new AirworthyError('run.closed', `the run is ${run.state}`)
  }
  const atMs = await enter(tx, organisationId, {
    session: run,
    runId: run.runId,
    type: 'run.compensating',
    operatorId,
    reason,
  })
  await sql`UPDATE airworthy.runs r SET state = 'compensating', closed_at = ${new Date(atMs)},
      next_at = ${new Date(atMs)}, ended_at = NULL, reason = ${reason},
      closed_by = ${operatorId ?? null}, closed_by_call = NULL,
      parent_run_id = CASE WHEN r.run_id = ${run.runId} THEN NULL ELSE ${run.runId}::uuid END
    WHERE r.organisation_id = ${organisationId} AND (r.run_id = ${run.runId}
      OR (${run.name === wholeSessionName} AND r.session_id = ${run.sessionId}
        AND r.state IN ('open', 'completing', 'compensating', 'stuck')))`.execute(tx)
  // What was given up before is tried again: somebody may have mended what stood in the way.
  await sql`UPDATE airworthy.run_steps SET is_left = false, attempts = 0, next_at = NULL
    WHERE organisation_id = ${organisationId} AND run_id = ${run.runId}`.execute(tx)
  return requireRun(tx, organisationId, run.runId)
}

/** The run of a whole session, made if there is none, so that it can be taken back. */
export async function wholeSessionRun(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  opening: {
    readonly session: SessionOfRun
    readonly policy: RunPolicy
    readonly operatorId: string
  },
): Promise<RunRow> {
  const { sessionId } = opening.session
  const name = wholeSessionName
  const found = await findRunByName(tx, organisationId, { sessionId, name })
  return found ?? openRun(tx, organisationId, { ...opening, name })
}

/**
 * Completes a run: what it did stays done. With deferred steps it is `completing` until they are
 * carried out. Completing again changes nothing. Throws `run.unfinished` or `run.closed`.
 */
export async function completeRun(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  completing: { readonly run: RunRow; readonly operatorId?: string | undefined },
): Promise<RunRow> {
  const { run, operatorId } = completing
  if (run.state === 'completed' || run.state === 'completing') return run
  if (!canMove(run.state, 'completed')) {
    throw new AirworthyError('run.closed', `the run is ${run.state}`)
  }
  const steps = await listSteps(tx, organisationId, run, { isOpenOnly: true })
  const open = openSteps(steps)
  if (open.length > 0) throw unfinished(open.map((step) => step.callId))
  const isDeferred = steps.some((step) => step.state === 'deferred')
  const state = isDeferred ? 'completing' : 'completed'
  const { runId } = run
  const type = `run.${state}` as const
  const atMs = await enter(tx, organisationId, { session: run, runId, type, operatorId })
  const at = new Date(atMs)
  await tx
    .updateTable('airworthy.runs')
    .set({
      state,
      closed_at: at,
      next_at: at,
      ended_at: isDeferred ? null : at,
      closed_by: operatorId ?? null,
    })
    .where('organisation_id', '=', organisationId)
    .where('run_id', '=', runId)
    .execute()
  return requireRun(tx, organisationId, runId)
}

const callsTold = 20

function unfinished(callIds: readonly string[]): AirworthyError {
  const count = callIds.length
  const message = `${count} ${count === 1 ? 'step' : 'steps'} of the run ${count === 1 ? 'is' : 'are'} not at the end`
  return new AirworthyError('run.unfinished', message, {
    detail: { calls: callIds.slice(0, callsTold) },
  })
}

/**
 * What closing its session means for the whole session's run: it is completed. Throws
 * `run.unfinished`, also where steps were deferred: a closed session carries out nothing.
 */
export async function completeWithSession(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  closing: { readonly sessionId: string; readonly operatorId: string },
): Promise<void> {
  const { sessionId, operatorId } = closing
  const completing = await sql<{ call_id: string }>`SELECT s.call_id
    FROM airworthy.runs r JOIN airworthy.run_steps s USING (organisation_id, run_id)
    WHERE r.organisation_id = ${organisationId} AND r.session_id = ${sessionId}
      AND r.state = 'completing' LIMIT ${callsTold}`.execute(tx)
  if (completing.rows.length > 0) throw unfinished(completing.rows.map((row) => row.call_id))
  const run = await findRunByName(tx, organisationId, { sessionId, name: wholeSessionName })
  if (run === undefined || (run.state !== 'open' && run.state !== 'completing')) return
  const steps = await listSteps(tx, organisationId, run, { isOpenOnly: true })
  const deferred = steps.filter((step) => step.state === 'deferred')
  if (deferred.length > 0) throw unfinished(deferred.map((step) => step.callId))
  if (run.state === 'open') await completeRun(tx, organisationId, { run, operatorId })
}

/** An operator has seen what could not be undone, and settles the run. Throws `run.closed`. */
export async function settleRun(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  settling: { readonly run: RunRow; readonly operatorId: string; readonly reason: string },
): Promise<RunRow> {
  const { run, operatorId, reason } = settling
  if (!canMove(run.state, 'settled')) {
    throw new AirworthyError('run.closed', `the run is ${run.state}; only a stuck one is settled`)
  }
  const { runId } = run
  await enter(tx, organisationId, { session: run, runId, type: 'run.settled', operatorId })
  await tx
    .updateTable('airworthy.runs')
    .set({ state: 'settled', settled_by: operatorId, settled_reason: reason })
    .where('organisation_id', '=', organisationId)
    .where('run_id', '=', runId)
    .execute()
  return requireRun(tx, organisationId, runId)
}

/** Appends a run's entry; gives the database's time of it. */
export async function enter(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  entry: {
    readonly session: SessionOfRun
    readonly runId: string
    readonly type: EntryType & `run.${RunState | 'opened' | 'deferred' | 'cancelled'}`
    readonly operatorId?: string | undefined
    readonly reason?: string | undefined
    readonly callId?: string | undefined
  },
): Promise<number> {
  const { session, runId, type, operatorId, reason, callId } = entry
  const [appended] = await appendEntries(tx, organisationId, [
    {
      type,
      agentId: session.agentId,
      versionId: session.versionId,
      pactId: session.pactId,
      sessionId: session.sessionId,
      callId,
      body: { operator: operatorId, reason, run: runId },
    },
  ])
  return appended?.atMs ?? 0
}
