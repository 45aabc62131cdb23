// What is known of a semantic cache: pairs of real and cached replies, their tallies, and whether the
// cache answers (live) or only watches (shadow).
import { randomUUIDv7 } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { type Standing, standingOf } from '../../core/cache/false-hits.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

export type Verdict = 'agree' | 'differ' | 'unsure'

/** Whose evidence: pairs of another make say nothing about this one. */
export type CacheOf = { readonly agentId: string; readonly model: string; readonly make: string }

export type StandingRow = CacheOf & {
  readonly mode: 'shadow' | 'live'
  readonly agree: number
  readonly differ: number
  readonly unsure: number
  readonly falseHitRateMax: number
  readonly changedAt: Date
}

export type NewPair = CacheOf & {
  readonly callId: string
  readonly cachedCallId: string
  readonly similarity: number
  readonly kind: 'shadow' | 'sample'
  readonly verdict: Verdict
  readonly falseHitRateMax: number
  readonly goLive: 'operator' | 'automatic'
}

/** Old evidence must not outweigh new: beyond so many pairs all counts are halved. */
const pairsWeighedMax = 4_000

export async function findStanding(
  db: Database,
  organisationId: OrganisationId,
  of: CacheOf,
): Promise<StandingRow | undefined> {
  const row = await db
    .selectFrom('airworthy.cache_standings')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .where('agent_id', '=', of.agentId)
    .where('model', '=', of.model)
    .where('make', '=', of.make)
    .executeTakeFirst()
  return row && standingRowOf(row)
}

export function standingRowOf(row: {
  agent_id: string
  model: string
  make: string
  mode: 'shadow' | 'live'
  agree: string
  differ: string
  unsure: string
  false_hit_rate_max: number
  changed_at: Date
}): StandingRow {
  return {
    agentId: row.agent_id,
    model: row.model,
    make: row.make,
    mode: row.mode,
    agree: Number(row.agree),
    differ: Number(row.differ),
    unsure: Number(row.unsure),
    falseHitRateMax: row.false_hit_rate_max,
    changedAt: row.changed_at,
  }
}

/** Records a pair. The cache goes to shadow, or live where it may by itself, as the tallies say. */
export async function recordPair(
  db: Database,
  organisationId: OrganisationId,
  pair: NewPair,
): Promise<void> {
  const row = await db.transaction().execute(async (tx) => {
    const of = { agent_id: pair.agentId, model: pair.model, make: pair.make }
    await tx
      .insertInto('airworthy.cache_pairs')
      .values({
        organisation_id: organisationId,
        pair_id: randomUUIDv7(),
        ...of,
        call_id: pair.callId,
        cached_call_id: pair.cachedCallId,
        similarity: pair.similarity,
        kind: pair.kind,
        verdict: pair.verdict,
      })
      .execute()
    await tx
      .insertInto('airworthy.cache_standings')
      .values({
        organisation_id: organisationId,
        ...of,
        false_hit_rate_max: pair.falseHitRateMax,
        agree: 0,
        differ: 0,
        unsure: 0,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    return tally(tx, organisationId, {
      ...pair,
      plus: pair.verdict,
      falseHitRateMax: pair.falseHitRateMax,
    })
  })
  if (row === undefined) return
  const { isWithinBudget } = standingOf(row, row.falseHitRateMax)
  const mode = !isWithinBudget ? 'shadow' : pair.goLive === 'automatic' ? 'live' : row.mode
  if (mode !== row.mode) await setMode(db, organisationId, { ...row, mode, operatorId: undefined })
}

/** Adds to one tally, and takes from another where a verdict changed. */
async function tally(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  change: CacheOf & {
    readonly plus: Verdict
    readonly minus?: Verdict
    readonly falseHitRateMax?: number
  },
): Promise<StandingRow | undefined> {
  const by = (verdict: Verdict): number =>
    (change.plus === verdict ? 1 : 0) - (change.minus === verdict ? 1 : 0)
  const row = await sql<Parameters<typeof standingRowOf>[0]>`UPDATE airworthy.cache_standings
    SET agree = greatest(0, agree + ${by('agree')})
        / CASE WHEN agree + differ + unsure >= ${pairsWeighedMax} THEN 2 ELSE 1 END,
      differ = greatest(0, differ + ${by('differ')})
        / CASE WHEN agree + differ + unsure >= ${pairsWeighedMax} THEN 2 ELSE 1 END,
      unsure = greatest(0, unsure + ${by('unsure')}),
      false_hit_rate_max = coalesce(${change.falseHitRateMax ?? null}::float8, false_hit_rate_max)
    WHERE organisation_id = ${organisationId} AND agent_id = ${change.agentId}
      AND model = ${change.model} AND make = ${change.make}
    RETURNING *`.execute(tx)
  return row.rows[0] && standingRowOf(row.rows[0])
}

/** Lets a semantic cache answer, or only watch. Evidence is the caller's to check. */
export function setMode(
  db: Database,
  organisationId: OrganisationId,
  set: CacheOf & {
    readonly mode: 'shadow' | 'live'
    /** Undefined where the evidence did it. */
    readonly operatorId: string | undefined
    readonly mayGoLive?: (standing: Standing) => void
  },
): Promise<StandingRow | undefined> {
  return runCommand(db, organisationId, async (tx) => {
    const { agentId, model, make, mode, operatorId } = set
    const where = sql`organisation_id = ${organisationId} AND agent_id = ${agentId}
      AND model = ${model} AND make = ${make}`
    const found = await sql<Parameters<typeof standingRowOf>[0]>`SELECT *
      FROM airworthy.cache_standings WHERE ${where} FOR UPDATE`.execute(tx)
    const before = found.rows[0] && standingRowOf(found.rows[0])
    if (before === undefined) return undefined
    const standing = standingOf(before, before.falseHitRateMax)
    if (mode === 'live') set.mayGoLive?.(standing)
    // The tallies may have changed since the caller looked.
    if (mode === 'live' && !standing.isWithinBudget) return before
    if (before.mode === mode) return before
    const changed = await sql<Parameters<typeof standingRowOf>[0]>`UPDATE airworthy.cache_standings
      SET mode = ${mode}, changed_at = clock_timestamp(), changed_by = ${operatorId ?? null}
      WHERE ${where} RETURNING *`.execute(tx)
    await appendEntries(tx, organisationId, [
      {
        type: 'cache.mode_set',
        agentId,
        body: {
          agree: before.agree,
          differ: before.differ,
          mode,
          model: model.slice(0, 64),
          operator: operatorId,
          unsure: before.unsure,
        },
      },
    ])
    return changed.rows[0] && standingRowOf(changed.rows[0])
  })
}

export type PairRow = CacheOf & {
  readonly pairId: string
  readonly agentName: string
  readonly callId: string
  readonly cachedCallId: string
  readonly similarity: number
  readonly kind: 'shadow' | 'sample'
  readonly verdict: Verdict
  readonly reviewedAt: Date | null
  readonly createdAt: Date
}

function selectPairs(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.cache_pairs as p')
    .innerJoin('airworthy.agents as a', (join) =>
      join
        .onRef('a.organisation_id', '=', 'p.organisation_id')
        .onRef('a.agent_id', '=', 'p.agent_id'),
    )
    .select([
      'p.pair_id as pairId',
      'p.agent_id as agentId',
      'a.name as agentName',
      'p.model',
      'p.make',
      'p.call_id as callId',
      'p.cached_call_id as cachedCallId',
      'p.similarity',
      'p.kind',
      'p.verdict',
      'p.reviewed_at as reviewedAt',
      'p.created_at as createdAt',
    ])
    .where('p.organisation_id', '=', organisationId)
}

export function listPairs(
  db: Database,
  organisationId: OrganisationId,
  query: {
    readonly agentId: string | undefined
    readonly verdict: Verdict | undefined
    readonly after: string | undefined
    readonly limit: number
  },
): Promise<PairRow[]> {
  let select = selectPairs(db, organisationId)
  if (query.agentId !== undefined) select = select.where('p.agent_id', '=', query.agentId)
  if (query.verdict !== undefined) select = select.where('p.verdict', '=', query.verdict)
  if (query.after !== undefined) select = select.where('p.pair_id', '>', query.after)
  return select.orderBy('p.pair_id').limit(query.limit).execute()
}

/** A person says whether the cached reply would have done. Undefined where there is no such pair. */
export async function reviewPair(
  db: Database,
  organisationId: OrganisationId,
  review: {
    readonly pairId: string
    readonly verdict: 'agree' | 'differ'
    readonly operatorId: string
  },
): Promise<PairRow | undefined> {
  const settled = await db.transaction().execute(async (tx) => {
    const before = await tx
      .selectFrom('airworthy.cache_pairs')
      .select(['agent_id', 'model', 'make', 'verdict'])
      .where('organisation_id', '=', organisationId)
      .where('pair_id', '=', review.pairId)
      .forUpdate()
      .executeTakeFirst()
    if (before === undefined) return undefined
    await tx
      .updateTable('airworthy.cache_pairs')
      .set({
        verdict: review.verdict,
        reviewed_by: review.operatorId,
        reviewed_at: sql`clock_timestamp()`,
      })
      .where('organisation_id', '=', organisationId)
      .where('pair_id', '=', review.pairId)
      .execute()
    const of = { agentId: before.agent_id, model: before.model, make: before.make }
    if (before.verdict === review.verdict) return { row: undefined }
    const change = { ...of, plus: review.verdict, minus: before.verdict }
    return { row: await tally(tx, organisationId, change) }
  })
  if (settled === undefined) return undefined
  const { row } = settled
  const isOver = row !== undefined && !standingOf(row, row.falseHitRateMax).isWithinBudget
  if (isOver && row.mode === 'live') {
    await setMode(db, organisationId, { ...row, mode: 'shadow', operatorId: undefined })
  }
  return selectPairs(db, organisationId).where('p.pair_id', '=', review.pairId).executeTakeFirst()
}

const pairsKeptDays = 90

/** Pairs that are settled are kept for a while; what they said stays in the tallies. */
export async function forgetPairs(
  db: Database,
  organisationId: OrganisationId,
  limit: number,
): Promise<void> {
  await sql`DELETE FROM airworthy.cache_pairs WHERE ctid IN (
    SELECT ctid FROM airworthy.cache_pairs WHERE organisation_id = ${organisationId}
      AND verdict <> 'unsure' AND created_at < clock_timestamp() - make_interval(days => ${pairsKeptDays})
    LIMIT ${limit})`.execute(db)
}
