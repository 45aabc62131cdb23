// Which triggers are met, where, and what people decided: counted from the record.
import { type RawBuilder, sql } from 'kysely'
import type { Trigger } from '../../core/escalation/escalation.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'

export type FiringCounts = {
  readonly fired: number
  readonly held: number
  readonly handedOver: number
  readonly recorded: number
  readonly denied: number
  readonly approved: number
  readonly rejected: number
  readonly expired: number
  readonly waiting: number
  readonly cancelled: number
}

export type FiringReport = {
  readonly calls: number
  readonly triggers: readonly (FiringCounts & { readonly trigger: Trigger })[]
  readonly codes: readonly (FiringCounts & { readonly trigger: Trigger; readonly code: string })[]
  readonly patterns: readonly (FiringCounts & {
    readonly trigger: Trigger
    readonly agent: string
    readonly task: string | null
    readonly action: string
  })[]
}

const patternsMax = 200

// `held` is the row's own verdict, and not the hold's row: that goes when its call is forgotten.
const counts = sql`count(*)::int AS fired,
  count(*) FILTER (WHERE f.verdict = 'hold' AND f.enforced)::int AS held,
  count(*) FILTER (WHERE f.verdict = 'hold' AND f.enforced
    AND f.consequence = 'handover')::int AS "handedOver",
  count(*) FILTER (WHERE f.verdict = 'allow' OR NOT f.enforced)::int AS recorded,
  count(*) FILTER (WHERE f.verdict = 'deny' AND f.enforced)::int AS denied,
  count(*) FILTER (WHERE h.state IN ('approving', 'approved', 'refused'))::int AS approved,
  count(*) FILTER (WHERE h.state = 'rejected')::int AS rejected,
  count(*) FILTER (WHERE h.state = 'expired')::int AS expired,
  count(*) FILTER (WHERE h.state IN ('pending', 'deferred'))::int AS waiting,
  count(*) FILTER (WHERE h.state = 'cancelled')::int AS cancelled`

export async function reportFirings(
  db: Database,
  organisationId: OrganisationId,
  of: { readonly sinceMs: number; readonly agentId: string | undefined },
): Promise<FiringReport> {
  const isAsked = sql`f.organisation_id = ${organisationId} AND f.at >= ${new Date(of.sinceMs)}
    AND (${of.agentId ?? null}::uuid IS NULL OR f.agent_id = ${of.agentId ?? null}::uuid)`
  const holds = sql`LEFT JOIN airworthy.holds h
    ON h.organisation_id = f.organisation_id AND h.call_id = f.call_id`
  const read = async <Row>(query: RawBuilder<Row>): Promise<Row[]> => {
    const { rows } = await query.execute(db)
    return rows
  }
  const [total] = await read(
    sql<{ calls: number }>`SELECT count(DISTINCT f.call_id)::int AS calls
      FROM airworthy.escalation_firings f WHERE ${isAsked}`,
  )
  const triggers = await read(
    sql<FiringReport['triggers'][number]>`SELECT f.trigger, ${counts}
      FROM airworthy.escalation_firings f ${holds} WHERE ${isAsked}
      GROUP BY f.trigger ORDER BY fired DESC, f.trigger`,
  )
  const codes = await read(
    sql<FiringReport['codes'][number]>`SELECT f.trigger, code, ${counts}
      FROM airworthy.escalation_firings f ${holds}, unnest(f.codes) AS code WHERE ${isAsked}
      GROUP BY f.trigger, code ORDER BY fired DESC, f.trigger, code`,
  )
  const patterns = await read(
    sql<FiringReport['patterns'][number]>`SELECT f.trigger, a.name AS agent, f.task, f.action,
        ${counts}
      FROM airworthy.escalation_firings f ${holds}
      JOIN airworthy.agents a
        ON a.organisation_id = f.organisation_id AND a.agent_id = f.agent_id
      WHERE ${isAsked}
      GROUP BY f.trigger, a.name, f.task, f.action
      ORDER BY fired DESC, f.trigger, a.name, f.task, f.action LIMIT ${patternsMax}`,
  )
  return { calls: total?.calls ?? 0, triggers, codes, patterns }
}
