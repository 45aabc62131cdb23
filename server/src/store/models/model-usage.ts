// What model calls used, call by call and day by day.
import { type Kysely, sql } from 'kysely'
import { firstCallIdAt } from '../../core/audit/call-time.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Schema } from '../schema/schema.ts'

/** A call that a provider answered, with its usage. */
export type ModelUseRow = {
  readonly callId: string
  readonly sessionId: string
  readonly agentName: string
  readonly pactId: string
  /** The model's name in the manifest. */
  readonly action: string
  /** Which endpoint of the model answered; null where it was not recorded. */
  readonly endpoint: string | null
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly cacheWriteTokens: number
  readonly completionTokens: number
  readonly costNanoUsd: string
  readonly createdAt: Date
}

/** In the order of their making. A reply from a cache of ours is not the provider's: left out. */
export async function listModelUse(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  page: {
    readonly agentId: string | undefined
    readonly fromMs: number | undefined
    readonly toMs: number | undefined
    readonly after: string | undefined
    readonly limit: number
  },
): Promise<ModelUseRow[]> {
  const { agentId, fromMs, toMs, after, limit } = page
  const conditions = [
    sql`c.organisation_id = ${organisationId} AND c.kind = 'model'`,
    sql`c.prompt_tokens IS NOT NULL AND c.detail->>'cache' IS NULL`,
    ...(agentId === undefined ? [] : [sql`c.agent_id = ${agentId}`]),
    ...(fromMs === undefined ? [] : [sql`c.call_id >= ${firstCallIdAt(fromMs)}::uuid`]),
    ...(toMs === undefined ? [] : [sql`c.call_id < ${firstCallIdAt(toMs)}::uuid`]),
    ...(after === undefined ? [] : [sql`c.call_id > ${after}::uuid`]),
  ]
  const found = await sql<{
    call_id: string
    session_id: string
    name: string
    pact_id: string
    action: string
    endpoint: string | null
    prompt_tokens: string
    cached_tokens: string
    cache_write_tokens: string
    completion_tokens: string
    cost_nano_usd: string
    created_at: Date
  }>`
    SELECT c.call_id, c.session_id, a.name, c.pact_id, c.action, c.detail->>'endpoint' AS endpoint,
      c.prompt_tokens, coalesce(c.cached_tokens, 0) AS cached_tokens,
      coalesce((c.detail->>'cacheWriteTokens')::bigint, 0)
        + coalesce((c.detail->>'cacheWriteLongTokens')::bigint, 0) AS cache_write_tokens,
      coalesce(c.completion_tokens, 0) AS completion_tokens,
      coalesce(c.cost_nano_usd, 0) AS cost_nano_usd, c.created_at
    FROM airworthy.calls c
    JOIN airworthy.agents a ON a.organisation_id = c.organisation_id AND a.agent_id = c.agent_id
    WHERE ${sql.join(conditions, sql` AND `)}
    ORDER BY c.call_id LIMIT ${limit}`.execute(db)
  return found.rows.map((row) => ({
    callId: row.call_id,
    sessionId: row.session_id,
    agentName: row.name,
    pactId: row.pact_id,
    action: row.action,
    endpoint: row.endpoint,
    promptTokens: Number(row.prompt_tokens),
    cachedTokens: Number(row.cached_tokens),
    cacheWriteTokens: Number(row.cache_write_tokens),
    completionTokens: Number(row.completion_tokens),
    costNanoUsd: row.cost_nano_usd,
    createdAt: row.created_at,
  }))
}

/** The calls of one day (UTC), pact, model and endpoint. */
export type DailyUse = {
  readonly day: string
  readonly pactId: string
  readonly action: string
  readonly endpoint: string | null
  /** With usage. */
  readonly calls: number
  readonly unknownCalls: number
  readonly promptTokens: number
  readonly completionTokens: number
  readonly costNanoUsd: bigint
}

/** Of the days from the first to the last, both included; `2026-11-22`, in UTC. */
export async function sumModelUse(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  days: { readonly first: string; readonly last: string },
): Promise<DailyUse[]> {
  const from = firstCallIdAt(Date.parse(`${days.first}T00:00:00Z`))
  const to = firstCallIdAt(Date.parse(`${days.last}T00:00:00Z`) + 86_400_000)
  const found = await sql<{
    day: string
    pact_id: string
    action: string
    endpoint: string | null
    calls: string
    unknown_calls: string
    prompt_tokens: string
    completion_tokens: string
    cost_nano_usd: string
  }>`
    SELECT to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, c.pact_id, c.action,
      c.detail->>'endpoint' AS endpoint,
      count(*) FILTER (WHERE c.prompt_tokens IS NOT NULL) AS calls,
      count(*) FILTER (WHERE c.prompt_tokens IS NULL AND c.state = 'unknown') AS unknown_calls,
      coalesce(sum(c.prompt_tokens), 0) AS prompt_tokens,
      coalesce(sum(c.completion_tokens), 0) AS completion_tokens,
      coalesce(sum(c.cost_nano_usd) FILTER (WHERE c.prompt_tokens IS NOT NULL), 0) AS cost_nano_usd
    FROM airworthy.calls c
    WHERE c.organisation_id = ${organisationId} AND c.kind = 'model'
      AND c.call_id >= ${from}::uuid AND c.call_id < ${to}::uuid
      AND (c.prompt_tokens IS NOT NULL OR c.state = 'unknown')
      AND c.detail->>'cache' IS NULL
    GROUP BY 1, 2, 3, 4`.execute(db)
  return found.rows.map((row) => ({
    day: row.day,
    pactId: row.pact_id,
    action: row.action,
    endpoint: row.endpoint,
    calls: Number(row.calls),
    unknownCalls: Number(row.unknown_calls),
    promptTokens: Number(row.prompt_tokens),
    completionTokens: Number(row.completion_tokens),
    costNanoUsd: BigInt(row.cost_nano_usd),
  }))
}
