// Finds calls by what the record says of them. Pages go from the newest to the oldest; every filter
// is an index, or narrows one.
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { firstCallIdAt } from '../../core/audit/call-time.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import type { Schema } from '../schema/schema.ts'

export type CallFilter = {
  readonly agentId?: string | undefined
  readonly versionId?: string | undefined
  readonly sessionId?: string | undefined
  /** A model's name, or `server/tool`. */
  readonly action?: string | undefined
  readonly verdict?: 'allow' | 'hold' | 'deny' | undefined
  readonly state?: string | undefined
  readonly code?: string | undefined
  readonly amountMin?: bigint | undefined
  readonly amountMax?: bigint | undefined
  readonly currency?: string | undefined
  readonly fromMs?: number | undefined
  /** Not included. */
  readonly toMs?: number | undefined
}

export type FoundCall = {
  readonly callId: string
  readonly sessionId: string
  readonly agentId: string
  readonly agentName: string
  readonly versionId: string
  readonly pactId: string
  readonly kind: string
  readonly action: string
  readonly state: string
  readonly verdict: string
  readonly enforced: boolean
  readonly code: string | null
  readonly amountMinor: string | null
  readonly currency: string | null
  readonly costNanoUsd: string | null
  readonly logId: string
  readonly intentSeq: string | null
  readonly outcomeSeq: string | null
  readonly createdAt: Date
  readonly settledAt: Date | null
}

const statementMs = 15_000
/** Ids are made by gateways, times by the database: their clocks may differ by this much. */
const clockSkewMs = 60_000

/** Throws `audit.too_broad` when the search reads for too long. */
export async function searchCalls(
  db: Database,
  organisationId: OrganisationId,
  search: {
    readonly filter: CallFilter
    readonly after: string | undefined
    readonly limit: number
  },
): Promise<FoundCall[]> {
  const { filter, after, limit } = search
  const conditions = [
    sql`c.organisation_id = ${organisationId}`,
    ...(after === undefined ? [] : [sql`c.call_id < ${after}`]),
    ...conditionsOf(organisationId, filter),
  ]
  const query = sql<SelectedCall>`
    SELECT c.call_id, c.session_id, c.agent_id, a.name AS agent_name, c.version_id, c.pact_id, c.kind,
      c.action, coalesce(o.state, c.state) AS state, c.verdict, c.enforced,
      coalesce(o.code, c.code) AS code, e.amount_minor, e.currency, o.cost_nano_usd, c.log_id,
      c.intent_seq, o.outcome_seq, c.created_at, o.settled_at
    FROM airworthy.call_intents c
    JOIN airworthy.agents a USING (organisation_id, agent_id)
    LEFT JOIN airworthy.call_outcomes o USING (organisation_id, call_id)
    LEFT JOIN airworthy.effects e
      ON e.organisation_id = c.organisation_id AND e.effect_id = c.effect_id
    WHERE ${sql.join(conditions, sql` AND `)}
    ORDER BY c.call_id DESC LIMIT ${limit}`
  const rows = await withinTime(db, (tx) => query.execute(tx))
  return rows.rows.map(foundOf)
}

type SelectedCall = {
  readonly call_id: string
  readonly session_id: string
  readonly agent_id: string
  readonly agent_name: string
  readonly version_id: string
  readonly pact_id: string
  readonly kind: string
  readonly action: string
  readonly state: string
  readonly verdict: string
  readonly enforced: boolean
  readonly code: string | null
  readonly amount_minor: string | null
  readonly currency: string | null
  readonly cost_nano_usd: string | null
  readonly log_id: string
  readonly intent_seq: string | null
  readonly outcome_seq: string | null
  readonly created_at: Date
  readonly settled_at: Date | null
}

function conditionsOf(organisationId: OrganisationId, filter: CallFilter): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = []
  const add = (condition: RawBuilder<unknown>) => void conditions.push(condition)
  if (filter.agentId !== undefined) add(sql`c.agent_id = ${filter.agentId}`)
  if (filter.versionId !== undefined) add(ofVersion(organisationId, filter.versionId))
  if (filter.sessionId !== undefined) add(sql`c.session_id = ${filter.sessionId}`)
  if (filter.action !== undefined) add(sql`c.action = ${filter.action}`)
  if (filter.verdict !== undefined) add(sql`c.verdict = ${filter.verdict}`)
  // Said again so that the index over calls that were not simply allowed is found.
  if (filter.verdict === 'deny' || filter.verdict === 'hold') add(sql`c.verdict <> 'allow'`)
  if (filter.state !== undefined) add(sql`coalesce(o.state, c.state) = ${filter.state}`)
  if (filter.code !== undefined) add(sql`coalesce(o.code, c.code) = ${filter.code}`)
  if (filter.amountMin !== undefined) add(sql`e.amount_minor >= ${filter.amountMin}`)
  if (filter.amountMax !== undefined) add(sql`e.amount_minor <= ${filter.amountMax}`)
  if (filter.currency !== undefined) add(sql`e.currency = ${filter.currency}`)
  if (filter.fromMs !== undefined) {
    add(sql`c.call_id >= ${firstCallIdAt(filter.fromMs - clockSkewMs)}`)
    add(sql`c.created_at >= ${new Date(filter.fromMs)}`)
  }
  if (filter.toMs !== undefined) {
    add(sql`c.call_id < ${firstCallIdAt(filter.toMs + clockSkewMs)}`)
    add(sql`c.created_at < ${new Date(filter.toMs)}`)
  }
  return conditions
}

/** The agent of a version is known, and its calls are indexed: it is looked up once, not for each row. */
function ofVersion(organisationId: OrganisationId, versionId: string): RawBuilder<unknown> {
  return sql`c.version_id = ${versionId} AND c.agent_id = (SELECT v.agent_id
    FROM airworthy.agent_versions v
    WHERE v.organisation_id = ${organisationId} AND v.version_id = ${versionId})`
}

async function withinTime<Result>(
  db: Database,
  work: (tx: Kysely<Schema>) => Promise<Result>,
): Promise<Result> {
  try {
    return await db
      .transaction()
      .setAccessMode('read only')
      .execute(async (tx) => {
        await sql`SET LOCAL statement_timeout = ${sql.lit(statementMs)}`.execute(tx)
        return work(tx)
      })
  } catch (cause) {
    const isCancelled = cause instanceof Error && 'code' in cause && cause.code === '57014'
    if (!isCancelled) throw cause
    const message = 'the search reads too much: name an agent, a session, a tool or a shorter time'
    throw new AirworthyError('audit.too_broad', message, { cause })
  }
}

function foundOf(row: SelectedCall): FoundCall {
  return {
    callId: row.call_id,
    sessionId: row.session_id,
    agentId: row.agent_id,
    agentName: row.agent_name,
    versionId: row.version_id,
    pactId: row.pact_id,
    kind: row.kind,
    action: row.action,
    state: row.state,
    verdict: row.verdict,
    enforced: row.enforced,
    code: row.code,
    amountMinor: row.amount_minor,
    currency: row.currency,
    costNanoUsd: row.cost_nano_usd,
    logId: row.log_id,
    intentSeq: row.intent_seq,
    outcomeSeq: row.outcome_seq,
    createdAt: row.created_at,
    settledAt: row.settled_at,
  }
}
