// What became of requests that named a route: written after the call, read by reports.
import { sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import type { RouteStep } from '../schema/routing-schema.ts'

export type RoutedCall = {
  readonly callId: string
  readonly agentId: string
  readonly pactId: string
  readonly route: string
  readonly rule: string
  readonly mode: 'enforce' | 'shadow'
  readonly chosen: string
  readonly used: string
  readonly step: RouteStep
  readonly ofCallId?: string | undefined
  readonly complexity: number
  readonly fault?: string | undefined
  readonly agreement?: 'same' | 'differs' | 'unsure' | undefined
  readonly score?: number | undefined
}

export async function insertRoutedCalls(
  db: Database,
  organisationId: OrganisationId,
  calls: readonly RoutedCall[],
): Promise<void> {
  if (calls.length === 0) return
  await db
    .insertInto('airworthy.routed_calls')
    .values(
      calls.map((call) => ({
        organisation_id: organisationId,
        call_id: call.callId,
        agent_id: call.agentId,
        pact_id: call.pactId,
        route: call.route,
        rule: call.rule,
        mode: call.mode,
        chosen: call.chosen,
        used: call.used,
        step: call.step,
        of_call_id: call.ofCallId ?? null,
        complexity: call.complexity,
        fault: call.fault ?? null,
        agreement: call.agreement ?? null,
        score: call.score ?? null,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Calls that were routed alike, with what they used together. Token counts as decimal text. */
export type RouteUseRow = {
  readonly pactId: string
  readonly route: string
  readonly rule: string
  readonly mode: 'enforce' | 'shadow'
  readonly chosen: string
  readonly used: string
  readonly step: RouteStep
  readonly calls: number
  readonly faults: number
  /** Of answers that stood; what an answer that did not stand has cost is in `nanoUsd`. */
  readonly promptTokens: string
  readonly cachedTokens: string
  readonly completionTokens: string
  readonly nanoUsd: string
  readonly same: number
  readonly differs: number
  readonly unsure: number
}

const groupsMax = 1000

/** What an agent's routes did since a time, grouped. Reads one index range. */
export async function sumRoutedCalls(
  db: Database,
  organisationId: OrganisationId,
  of: { readonly agentId: string; readonly sinceMs: number },
): Promise<RouteUseRow[]> {
  const found = await sql<{
    pact_id: string
    route: string
    rule: string
    mode: 'enforce' | 'shadow'
    chosen: string
    used: string
    step: RouteStep
    calls: string
    faults: string
    pt: string
    ct: string
    ot: string
    cost: string
    same: string
    differs: string
    unsure: string
  }>`
    SELECT r.pact_id, r.route, r.rule, r.mode, r.chosen, r.used, r.step, count(*) AS calls,
      count(r.fault) AS faults, coalesce(sum(o.prompt_tokens) FILTER (WHERE r.fault IS NULL), 0)::text AS pt,
      coalesce(sum(o.cached_tokens) FILTER (WHERE r.fault IS NULL), 0)::text AS ct,
      coalesce(sum(o.completion_tokens) FILTER (WHERE r.fault IS NULL), 0)::text AS ot,
      coalesce(sum(o.cost_nano_usd), 0)::text AS cost,
      count(*) FILTER (WHERE r.agreement = 'same') AS same,
      count(*) FILTER (WHERE r.agreement = 'differs') AS differs,
      count(*) FILTER (WHERE r.agreement = 'unsure') AS unsure
    FROM airworthy.routed_calls r LEFT JOIN airworthy.call_outcomes o
      ON o.organisation_id = r.organisation_id AND o.call_id = r.call_id
    WHERE r.organisation_id = ${organisationId} AND r.agent_id = ${of.agentId}
      AND r.created_at >= to_timestamp(${of.sinceMs / 1000})
    GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 2, 3, 7, 5, 6 LIMIT ${groupsMax}`.execute(db)
  return found.rows.map((row) => ({
    pactId: row.pact_id,
    route: row.route,
    rule: row.rule,
    mode: row.mode,
    chosen: row.chosen,
    used: row.used,
    step: row.step,
    calls: Number(row.calls),
    faults: Number(row.faults),
    promptTokens: row.pt,
    cachedTokens: row.ct,
    completionTokens: row.ot,
    nanoUsd: row.cost,
    same: Number(row.same),
    differs: Number(row.differs),
    unsure: Number(row.unsure),
  }))
}

/** Answers that differ, or nobody is sure about: the newest first. */
export async function listDisagreements(
  db: Database,
  organisationId: OrganisationId,
  of: { readonly agentId: string; readonly sinceMs: number; readonly limit: number },
): Promise<RoutedCall[]> {
  const rows = await db
    .selectFrom('airworthy.routed_calls')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .where('agent_id', '=', of.agentId)
    .where('created_at', '>=', new Date(of.sinceMs))
    .where('agreement', 'in', ['differs', 'unsure'])
    .orderBy('created_at', 'desc')
    .limit(of.limit)
    .execute()
  return rows.map((row) => ({
    callId: row.call_id,
    agentId: row.agent_id,
    pactId: row.pact_id,
    route: row.route,
    rule: row.rule,
    mode: row.mode,
    chosen: row.chosen,
    used: row.used,
    step: row.step,
    ofCallId: row.of_call_id ?? undefined,
    complexity: row.complexity,
    agreement: row.agreement ?? undefined,
    score: row.score ?? undefined,
  }))
}
