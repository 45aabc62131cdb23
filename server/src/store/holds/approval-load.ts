// What people decided lately, read for the report on their load.
import { type Kysely, sql } from 'kysely'
import { z } from 'zod'
import type { CastVote, DecidedHold, HoldEnd } from '../../core/approval/load.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import type { Schema } from '../schema/schema.ts'

/** Newest first; a report over more says that it is cut. */
export const reportedMax = 20_000

type Window = { readonly days: number }

/** That an operator was shown a question. Only the first time counts. */
export async function recordHoldView(
  db: Database,
  organisationId: OrganisationId,
  view: { readonly holdId: string; readonly operatorId: string },
): Promise<void> {
  await sql`INSERT INTO airworthy.hold_views (organisation_id, hold_id, round, operator_id)
    SELECT organisation_id, hold_id, round, ${view.operatorId}::uuid FROM airworthy.holds
    WHERE organisation_id = ${organisationId} AND hold_id = ${view.holdId} AND state = 'pending'
    ON CONFLICT DO NOTHING`.execute(db)
}

/** Holds that people, or the time, decided; those of runs and of kills are none of theirs. */
export async function listDecidedHolds(
  db: Database,
  organisationId: OrganisationId,
  window: Window,
): Promise<DecidedHold[]> {
  const rows = await withoutCanaries(db, organisationId)
    .innerJoin('airworthy.call_intents as c', (join) =>
      join
        .onRef('c.organisation_id', '=', 'h.organisation_id')
        .onRef('c.call_id', '=', 'h.call_id'),
    )
    .leftJoin('airworthy.effects as e', (join) =>
      join
        .onRef('e.organisation_id', '=', 'h.organisation_id')
        .onRef('e.effect_id', '=', 'c.effect_id'),
    )
    .select(['a.name', 'h.action', 'h.state', 'h.pact_id', 'h.created_at', 'h.decided_at'])
    .select(['h.facts', 'c.reasons', 'e.amount_minor', 'e.currency'])
    .where('h.decided_at', '>', since(window))
    .where('h.state', 'in', ['approving', 'approved', 'refused', 'rejected', 'expired'])
    // What waited for its run alone was nobody's question.
    .where((where) =>
      where.or([
        where('h.state', 'in', ['rejected', 'expired']),
        where('h.approved_round', 'is not', null),
      ]),
    )
    .orderBy('h.decided_at', 'desc')
    .limit(reportedMax)
    .execute()
  return rows.map((row) => ({
    agent: row.name,
    action: row.action,
    rules: rulesOf(row.facts, row.reasons),
    end: endOf(row.state),
    openedAtMs: row.created_at.getTime(),
    decidedAtMs: row.decided_at?.getTime() ?? 0,
    amount:
      row.amount_minor === null || row.currency === null
        ? undefined
        : { minor: BigInt(row.amount_minor), currency: row.currency },
    pactId: row.pact_id,
  }))
}

function endOf(state: string): HoldEnd {
  if (state === 'rejected' || state === 'expired') return state
  // What was refused after an approval was still approved by people.
  return 'approved'
}

/** Votes, those about canaries among them, but for the planter's own. */
export async function listCastVotes(
  db: Database,
  organisationId: OrganisationId,
  window: Window,
): Promise<CastVote[]> {
  const rows = await db
    .selectFrom('airworthy.votes as v')
    .innerJoin('airworthy.holds as h', (join) =>
      join
        .onRef('h.organisation_id', '=', 'v.organisation_id')
        .onRef('h.hold_id', '=', 'v.hold_id'),
    )
    .innerJoin('airworthy.operators as o', (join) =>
      join
        .onRef('o.organisation_id', '=', 'v.organisation_id')
        .onRef('o.operator_id', '=', 'v.operator_id'),
    )
    .leftJoin('airworthy.hold_views as w', (join) =>
      join
        .onRef('w.organisation_id', '=', 'v.organisation_id')
        .onRef('w.hold_id', '=', 'v.hold_id')
        .onRef('w.round', '=', 'v.round')
        .onRef('w.operator_id', '=', 'v.operator_id'),
    )
    .leftJoin('airworthy.hold_canaries as k', (join) =>
      join
        .onRef('k.organisation_id', '=', 'v.organisation_id')
        .onRef('k.hold_id', '=', 'v.hold_id'),
    )
    .select(['o.name', 'v.vote', 'v.cast_at', 'h.created_at', 'w.first_at', 'k.planted_by'])
    .where('v.organisation_id', '=', organisationId)
    .where('v.cast_at', '>', since(window))
    .where((where) =>
      where.or([
        where('k.planted_by', 'is', null),
        where('k.planted_by', '!=', where.ref('v.operator_id')),
      ]),
    )
    .orderBy('v.cast_at', 'desc')
    .limit(reportedMax)
    .execute()
  return rows.map((row) => ({
    operator: row.name,
    vote: row.vote,
    openedAtMs: row.created_at.getTime(),
    castAtMs: row.cast_at.getTime(),
    viewedAtMs: row.first_at?.getTime(),
    isCanary: row.planted_by !== null,
  }))
}

export type WaitingNow = { readonly count: number; readonly oldestAt: Date | null }

export async function countWaiting(
  db: Database,
  organisationId: OrganisationId,
): Promise<WaitingNow> {
  const row = await withoutCanaries(db, organisationId)
    .select((select) => [
      select.fn.countAll<string>().as('count'),
      select.fn.min('h.created_at').as('oldest_at'),
    ])
    .where('h.state', '=', 'pending')
    .executeTakeFirst()
  return { count: Number(row?.count ?? 0), oldestAt: row?.oldest_at ?? null }
}

export type CanaryCounts = {
  readonly planted: number
  readonly approved: number
  readonly rejected: number
  readonly expired: number
  readonly pending: number
}

export async function countCanaries(
  db: Database,
  organisationId: OrganisationId,
  window: Window,
): Promise<CanaryCounts> {
  const rows = await db
    .selectFrom('airworthy.hold_canaries as k')
    .innerJoin('airworthy.holds as h', (join) =>
      join
        .onRef('h.organisation_id', '=', 'k.organisation_id')
        .onRef('h.hold_id', '=', 'k.hold_id'),
    )
    .select(['h.state', 'k.approved_at'])
    .where('k.organisation_id', '=', organisationId)
    .where('k.planted_at', '>', since(window))
    .limit(reportedMax)
    .execute()
  const of = (state: string): number =>
    rows.filter((row) => row.approved_at === null && row.state === state).length
  return {
    planted: rows.length,
    approved: rows.filter((row) => row.approved_at !== null).length,
    rejected: of('rejected'),
    expired: of('expired'),
    pending: of('pending'),
  }
}

function withoutCanaries(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.holds as h')
    .innerJoin('airworthy.agents as a', (join) =>
      join
        .onRef('a.organisation_id', '=', 'h.organisation_id')
        .onRef('a.agent_id', '=', 'h.agent_id'),
    )
    .leftJoin('airworthy.hold_canaries as k', (join) =>
      join
        .onRef('k.organisation_id', '=', 'h.organisation_id')
        .onRef('k.hold_id', '=', 'h.hold_id'),
    )
    .where('h.organisation_id', '=', organisationId)
    .where('k.hold_id', 'is', null)
}

function since({ days }: Window) {
  return sql<Date>`clock_timestamp() - make_interval(days => ${days})`
}

const factsSchema = z.object({ why: z.array(z.object({ rule: z.string() })) })
const reasonsSchema = z.array(z.object({ rule: z.string(), verdict: z.string() }))

/** What was shown; rows of earlier releases have only the decision's reasons. */
function rulesOf(facts: unknown, reasons: unknown): string[] {
  const shown = factsSchema.safeParse(facts)
  const decided = reasonsSchema.safeParse(reasons)
  const rules = shown.success
    ? shown.data.why.map((each) => each.rule)
    : (decided.data ?? []).filter((each) => each.verdict === 'hold').map((each) => each.rule)
  return [...new Set(rules)].toSorted()
}
