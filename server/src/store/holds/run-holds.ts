// Held steps of a run: what is approved may have to wait for the run's end, and what waits is
// cancelled when the run is taken back.
import { sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import { isDenialOfAuthority, wholeSessionName } from '../../core/run/run.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { Database } from '../database.ts'
import { enter, takeBackRun } from '../runs/run-commands.ts'
import { findRunByName, type RunRow } from '../runs/runs.ts'
import { runCommand } from '../transaction.ts'

/**
 * An approved call that cannot be undone waits on, until its run is completed. True where it was
 * deferred. It is decided again when it is carried out. A hold that is not approved any more, because
 * another gateway has opened its question again or cancelled it, stays as it is.
 */
export async function deferApproved(
  db: Database,
  organisationId: OrganisationId,
  held: { readonly holdId: string; readonly callId: string; readonly effectId: string },
): Promise<boolean> {
  return runCommand(db, organisationId, async (tx) => {
    const run = await findRunOfCall(tx, organisationId, held.callId)
    if (run === undefined || run.state !== 'open' || !run.irreversibleLast) return false
    const changed = await sql`UPDATE airworthy.effects e SET state = 'deferred'
      FROM airworthy.holds h
      WHERE e.organisation_id = ${organisationId} AND e.effect_id = ${held.effectId}
        AND e.state = 'held' AND e.effect_class = 'irreversible'
        AND h.organisation_id = e.organisation_id AND h.hold_id = ${held.holdId}
        AND h.state = 'approving'`.execute(tx)
    if (changed.numAffectedRows !== 1n) return false
    const { runId } = run
    const { callId } = held
    await enter(tx, organisationId, { session: run, runId, type: 'run.deferred', callId })
    await sql`UPDATE airworthy.holds SET state = 'deferred'
      WHERE organisation_id = ${organisationId} AND hold_id = ${held.holdId}`.execute(tx)
    return true
  })
}

/** The declared run that a call is a step of, else the run of its whole session. */
export async function findRunOfCall(
  tx: Database,
  organisationId: OrganisationId,
  callId: string,
): Promise<RunRow | undefined> {
  const found = await sql<{ session_id: string; name: string | null }>`
    SELECT c.session_id, (SELECT r.name FROM airworthy.run_steps s
        JOIN airworthy.runs r USING (organisation_id, run_id)
        WHERE s.organisation_id = c.organisation_id AND s.call_id = c.call_id AND r.name <> ''
        LIMIT 1) AS name
    FROM airworthy.call_intents c
    WHERE c.organisation_id = ${organisationId} AND c.call_id = ${callId}`.execute(tx)
  const [row] = found.rows
  if (row === undefined) return undefined
  const name = row.name ?? wholeSessionName
  return findRunByName(tx, organisationId, { sessionId: row.session_id, name })
}

/** Cancels a held or deferred step: it was never executed, and never will be. */
export async function cancelStep(
  db: Database,
  organisationId: OrganisationId,
  cancelling: {
    readonly run: RunRow
    readonly step: { readonly effectId: string; readonly callId: string }
  },
): Promise<void> {
  const { run, step } = cancelling
  await runCommand(db, organisationId, async (tx) => {
    // What is not live makes room: the same call may be made again in another run.
    const changed = await sql`UPDATE airworthy.effects SET state = 'denied', is_live = false
      WHERE organisation_id = ${organisationId} AND effect_id = ${step.effectId}
        AND state IN ('held', 'deferred')`.execute(tx)
    if (changed.numAffectedRows !== 1n) return
    const { runId } = run
    const { callId } = step
    const atMs = await enter(tx, organisationId, {
      session: run,
      runId,
      type: 'run.cancelled',
      callId,
    })
    const at = new Date(atMs)
    await sql`UPDATE airworthy.effects SET settled_at = ${at}
      WHERE organisation_id = ${organisationId} AND effect_id = ${step.effectId}`.execute(tx)
    await sql`UPDATE airworthy.holds SET state = 'cancelled', decided_at = ${at}
      WHERE organisation_id = ${organisationId} AND call_id = ${callId}`.execute(tx)
    await tx
      .insertInto('airworthy.call_outcomes')
      .values({
        organisation_id: organisationId,
        call_id: callId,
        state: 'denied',
        code: 'run.closed',
        settled_at: at,
      })
      .execute()
  })
}

/** What a rejected, or expired, hold means for the run of its call. Call it inside a command. */
export async function reactToHold(
  tx: Database,
  organisationId: OrganisationId,
  refused: { readonly callId: string; readonly code: ErrorCode },
): Promise<void> {
  const { callId, code } = refused
  const run = await findRunOfCall(tx, organisationId, callId)
  if (run === undefined || run.onDenied !== 'compensate' || !isDenialOfAuthority(code)) return
  if (run.state !== 'open' && run.state !== 'completing') return
  await takeBackRun(tx, organisationId, { run, reason: code })
}
