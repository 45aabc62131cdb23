// Runs and their steps, as they are read.
import { type Kysely, sql } from 'kysely'
import type { EffectClass } from '../../core/decision/call.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Step, StepState } from '../../core/run/compensation.ts'
import { type Reaction, type RunState, wholeSessionName } from '../../core/run/run.ts'
import type { Schema } from '../schema/schema.ts'

export type RunRow = {
  readonly runId: string
  readonly sessionId: string
  readonly agentId: string
  readonly agentName: string
  readonly versionId: string
  readonly pactId: string
  /** Empty: the whole session. */
  readonly name: string
  readonly state: RunState
  readonly reason: string | null
  readonly closedByCall: string | null
  readonly onFailure: Reaction
  readonly onDenied: Reaction
  readonly irreversibleLast: boolean
  readonly expiresAt: Date | null
  readonly openedBy: string | null
  readonly closedBy: string | null
  readonly parentRunId: string | null
  readonly openedAt: Date
  readonly closedAt: Date | null
  readonly endedAt: Date | null
  readonly settledBy: string | null
  readonly settledReason: string | null
}

function selectRuns(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.runs as r')
    .innerJoin('airworthy.agents as a', (join) =>
      join
        .onRef('a.organisation_id', '=', 'r.organisation_id')
        .onRef('a.agent_id', '=', 'r.agent_id'),
    )
    .selectAll('r')
    .select('a.name as agent_name')
    .where('r.organisation_id', '=', organisationId)
}

type SelectedRun = Awaited<ReturnType<ReturnType<typeof selectRuns>['execute']>>[number]

function runOf(row: SelectedRun): RunRow {
  return {
    runId: row.run_id,
    sessionId: row.session_id,
    agentId: row.agent_id,
    agentName: row.agent_name,
    versionId: row.version_id,
    pactId: row.pact_id,
    name: row.name,
    state: row.state,
    reason: row.reason,
    closedByCall: row.closed_by_call,
    onFailure: row.on_failure,
    onDenied: row.on_denied,
    irreversibleLast: row.irreversible_last,
    expiresAt: row.expires_at,
    openedBy: row.opened_by,
    closedBy: row.closed_by,
    parentRunId: row.parent_run_id,
    openedAt: row.opened_at,
    closedAt: row.closed_at,
    endedAt: row.ended_at,
    settledBy: row.settled_by,
    settledReason: row.settled_reason,
  }
}

export async function findRun(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  runId: string,
): Promise<RunRow | undefined> {
  const row = await selectRuns(db, organisationId).where('r.run_id', '=', runId).executeTakeFirst()
  return row === undefined ? undefined : runOf(row)
}

export async function findRunByName(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  run: { readonly sessionId: string; readonly name: string },
): Promise<RunRow | undefined> {
  const row = await selectRuns(db, organisationId)
    .where('r.session_id', '=', run.sessionId)
    .where('r.name', '=', run.name)
    .executeTakeFirst()
  return row === undefined ? undefined : runOf(row)
}

/** Runs in the order of their ids, that is of their opening, after the given one. */
export async function listRuns(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: {
    readonly sessionId?: string | undefined
    readonly state?: RunState | undefined
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<RunRow[]> {
  let query = selectRuns(db, organisationId)
  if (page.sessionId !== undefined) query = query.where('r.session_id', '=', page.sessionId)
  if (page.state !== undefined) query = query.where('r.state', '=', page.state)
  if (page.after !== undefined) query = query.where('r.run_id', '>', page.after)
  const rows = await query.orderBy('r.run_id').limit(page.limit).execute()
  return rows.map(runOf)
}

export type StepRow = Step & {
  readonly pactId: string
  readonly amountMinor: string | null
  readonly currency: string | null
  readonly settledAtMs: number | undefined
  /** Of the last attempt to undo it that failed. */
  readonly code: string | null
  readonly message: string | null
}

type SelectedStep = {
  effect_id: string
  call_id: string
  action: string
  effect_class: EffectClass
  state: StepState
  intent_seq: string | null
  pact_id: string
  hold_id: string | null
  amount_minor: string | null
  currency: string | null
  settled_ms: string | null
  attempts: number | null
  next_ms: string | null
  code: string | null
  message: string | null
  is_left: boolean | null
}

/** More than a session can do between two looks; what is undone makes room for the rest. */
export const stepsMax = 10_000

/**
 * The steps of a run, the last first. A whole session's are all its effects. `isOpenOnly` leaves
 * out those that need nothing any more: failed, denied and undone ones.
 */
export async function listSteps(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  run: { readonly runId: string; readonly sessionId: string; readonly name: string },
  options: { readonly isOpenOnly: boolean },
): Promise<StepRow[]> {
  const isWhole = run.name === wholeSessionName
  const found = await sql<SelectedStep>`
    SELECT e.effect_id, e.call_id, e.action, e.effect_class, e.state, c.intent_seq, c.pact_id,
      h.hold_id, e.amount_minor, e.currency, s.attempts, s.code, s.message, s.is_left,
      (extract(epoch FROM e.settled_at) * 1000)::bigint AS settled_ms,
      (extract(epoch FROM s.next_at) * 1000)::bigint AS next_ms
    FROM airworthy.effects e
    JOIN airworthy.call_intents c
      ON c.organisation_id = e.organisation_id AND c.call_id = e.call_id
    LEFT JOIN airworthy.holds h
      ON h.organisation_id = e.organisation_id AND h.call_id = e.call_id
    LEFT JOIN airworthy.run_steps s ON s.organisation_id = e.organisation_id
      AND s.run_id = ${run.runId} AND s.effect_id = e.effect_id
    WHERE e.organisation_id = ${organisationId} AND e.session_id = ${run.sessionId}
      AND e.effect_class <> 'read' AND (${isWhole} OR s.effect_id IS NOT NULL)
      AND NOT (${options.isOpenOnly} AND e.state IN ('failed', 'denied', 'undone'))
    ORDER BY c.intent_seq DESC, e.effect_id DESC LIMIT ${stepsMax}`.execute(db)
  return found.rows.map(stepOf)
}

function stepOf(row: SelectedStep): StepRow {
  return {
    effectId: row.effect_id,
    callId: row.call_id,
    action: row.action,
    effectClass: row.effect_class,
    state: row.state,
    order: BigInt(row.intent_seq ?? '0'),
    holdId: row.hold_id ?? undefined,
    attempts: row.attempts ?? 0,
    nextAtMs: Number(row.next_ms ?? '0'),
    isLeft: row.is_left ?? false,
    pactId: row.pact_id,
    amountMinor: row.amount_minor,
    currency: row.currency,
    settledAtMs: row.settled_ms === null ? undefined : Number(row.settled_ms),
    code: row.code,
    message: row.message,
  }
}
