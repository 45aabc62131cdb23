// Calls as the gateway recorded them.
import { type Kysely, sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { OriginsByArgument } from '../../core/taint/taint.ts'
import type { Schema } from '../schema/schema.ts'

export type CallRow = {
  readonly callId: string
  readonly sessionId: string
  readonly agentId: string
  readonly versionId: string
  readonly pactId: string
  readonly kind: string
  readonly action: string
  readonly state: string
  readonly verdict: string
  readonly enforced: boolean
  readonly code: string | null
  readonly reasons: unknown
  readonly promptTokens: string | null
  readonly cachedTokens: string | null
  readonly completionTokens: string | null
  readonly costNanoUsd: string | null
  readonly effect: {
    readonly effectId: string
    readonly key: string
    readonly state: string
  } | null
  readonly repeatOf: string | null
  readonly logId: string
  readonly intentSeq: string | null
  readonly outcomeSeq: string | null
  readonly createdAt: Date
  readonly settledAt: Date | null
  /** Null where the pact declares no write flow, and until a held call runs. */
  readonly flow: 'read' | 'write' | null
  /** Argument to list of origins; null where they were not tracked. */
  readonly origins: OriginsByArgument | null
  /** A list of {id, holds, reason}; null where nothing was asked of the result. */
  readonly checks: unknown
}

function selectCalls(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.calls as c')
    .leftJoin('airworthy.effects as e', (join) =>
      join
        .onRef('e.organisation_id', '=', 'c.organisation_id')
        .onRef('e.effect_id', '=', 'c.effect_id'),
    )
    .leftJoin('airworthy.call_origins as o', (join) =>
      join
        .onRef('o.organisation_id', '=', 'c.organisation_id')
        .onRef('o.call_id', '=', 'c.call_id'),
    )
    .leftJoin('airworthy.call_flows as f', (join) =>
      join
        .onRef('f.organisation_id', '=', 'c.organisation_id')
        .onRef('f.call_id', '=', 'c.call_id'),
    )
    .leftJoin('airworthy.call_checks as k', (join) =>
      join
        .onRef('k.organisation_id', '=', 'c.organisation_id')
        .onRef('k.call_id', '=', 'c.call_id'),
    )
    .selectAll('c')
    .select(['e.effect_key', 'e.state as effect_state', 'o.origins', 'f.flow', 'k.checks'])
    .where('c.organisation_id', '=', organisationId)
}

type SelectedCall = Awaited<ReturnType<ReturnType<typeof selectCalls>['execute']>>[number]

function callOf(row: SelectedCall): CallRow {
  return {
    callId: row.call_id,
    sessionId: row.session_id,
    agentId: row.agent_id,
    versionId: row.version_id,
    pactId: row.pact_id,
    kind: row.kind,
    action: row.action,
    state: row.state,
    verdict: row.verdict,
    enforced: row.enforced,
    code: row.code,
    reasons: row.reasons,
    promptTokens: row.prompt_tokens,
    cachedTokens: row.cached_tokens,
    completionTokens: row.completion_tokens,
    costNanoUsd: row.cost_nano_usd,
    effect:
      row.effect_id === null || row.effect_key === null || row.effect_state === null
        ? null
        : { effectId: row.effect_id, key: row.effect_key, state: row.effect_state },
    repeatOf: row.repeat_of,
    logId: row.log_id,
    intentSeq: row.intent_seq,
    outcomeSeq: row.outcome_seq,
    createdAt: row.created_at,
    settledAt: row.settled_at,
    origins: row.origins,
    flow: row.flow,
    checks: row.checks,
  }
}

export async function findCall(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  callId: string,
): Promise<CallRow | undefined> {
  const row = await selectCalls(db, organisationId)
    .where('c.call_id', '=', callId)
    .executeTakeFirst()
  return row === undefined ? undefined : callOf(row)
}

/** Calls of a session in the order of their ids, that is of their making, after the given one. */
export async function listCallsOfSession(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: {
    readonly sessionId: string
    readonly after: string | undefined
    readonly limit: number
  },
): Promise<CallRow[]> {
  let query = selectCalls(db, organisationId).where('c.session_id', '=', page.sessionId)
  if (page.after !== undefined) query = query.where('c.call_id', '>', page.after)
  const rows = await query.orderBy('c.call_id').limit(page.limit).execute()
  return rows.map(callOf)
}

/** Of more calls than that nobody can wait for an outcome any more: recovery looked at them. */
const callsCountedMax = 500_000

/** Calls that were dispatched, or are about to be, and have no outcome yet, among the newest ones. */
export async function countCallsExecuting(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<number> {
  const found = await sql<{ count: string }>`
    SELECT count(*) AS count FROM (
      SELECT organisation_id, call_id, state FROM airworthy.call_intents
      WHERE organisation_id = ${organisationId} ORDER BY call_id DESC LIMIT ${callsCountedMax}
    ) i LEFT JOIN airworthy.call_outcomes o USING (organisation_id, call_id)
    WHERE coalesce(o.state, i.state) = 'executing'`.execute(db)
  return Number(found.rows[0]?.count ?? 0)
}
