// The calls of one session as a replay reads them: what was decided, and the places in the log.
import { sql } from 'kysely'
import type { OrganisationId } from '../../core/ids.ts'
import type { PastCall } from '../../core/decision/rebuild-facts.ts'
import type { Database } from '../database.ts'

/** More than this of one session is not read: a replay holds the calls of a session in memory. */
export const pastCallsMax = 20_000
const pageSize = 1_000

export type RecordedCall = PastCall & {
  readonly costNanoUsd: string | undefined
  readonly amount: { readonly minorUnits: bigint; readonly currency: string } | undefined
  /** What the decision left behind of its facts; see RecordedFacts. */
  readonly recordedFacts: unknown
  /** Where the arguments came from, as it was decided. */
  readonly origins: unknown
}

/** The session's calls, at most 20,000; `isCut` tells of more. */
export async function readPastCalls(
  db: Database,
  organisationId: OrganisationId,
  sessionId: string,
): Promise<{ readonly calls: readonly RecordedCall[]; readonly isCut: boolean }> {
  const calls: RecordedCall[] = []
  let after = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const found = await selectPage(db, organisationId, { sessionId, after })
    calls.push(...found.map(callOf))
    const last = found.at(-1)
    if (last === undefined || found.length < pageSize) return { calls, isCut: false }
    if (calls.length >= pastCallsMax) return { calls, isCut: true }
    after = last.call_id
  }
}

type Row = {
  call_id: string
  kind: 'model' | 'tool' | 'undo'
  action: string
  pact_id: string
  state: string
  verdict: string
  enforced: boolean
  code: string | null
  facts: unknown
  reserved: string[]
  intent_seq: string | null
  created_at: Date
  outcome_state: string | null
  outcome_seq: string | null
  unknown_seq: string | null
  prompt_tokens: string | null
  completion_tokens: string | null
  cost_nano_usd: string | null
  hold_id: string | null
  held_seq: string | null
  amount_minor: string | null
  currency: string | null
  origins: unknown
}

async function selectPage(
  db: Database,
  organisationId: OrganisationId,
  page: { readonly sessionId: string; readonly after: string },
): Promise<Row[]> {
  const found = await sql<Row>`
    SELECT i.call_id, i.kind, i.action, coalesce(h.pact_id, i.pact_id) AS pact_id, i.state,
      i.verdict, i.enforced, i.code, i.reasons->0->'facts' AS facts, i.reserved, i.intent_seq,
      i.created_at, o.state AS outcome_state, o.outcome_seq, o.unknown_seq, o.prompt_tokens,
      o.completion_tokens, o.cost_nano_usd, h.hold_id, h.intent_seq AS held_seq, e.amount_minor,
      e.currency, g.origins
    FROM airworthy.call_intents i
    LEFT JOIN airworthy.call_outcomes o USING (organisation_id, call_id)
    LEFT JOIN airworthy.holds h USING (organisation_id, call_id)
    LEFT JOIN airworthy.effects e
      ON e.organisation_id = i.organisation_id AND e.effect_id = i.effect_id
    LEFT JOIN airworthy.call_origins g
      ON g.organisation_id = i.organisation_id AND g.call_id = i.call_id
    WHERE i.organisation_id = ${organisationId} AND i.session_id = ${page.sessionId}
      AND i.call_id > ${page.after}::uuid
    ORDER BY i.call_id LIMIT ${pageSize}`.execute(db)
  return found.rows
}

function callOf(row: Row): RecordedCall {
  const { prompt_tokens: prompt, completion_tokens: completion } = row
  const usage = prompt === null && completion === null ? undefined : [prompt, completion]
  return {
    callId: row.call_id,
    kind: row.kind,
    action: row.action,
    pactId: row.pact_id,
    state: row.state,
    verdict: row.verdict,
    enforced: row.enforced,
    code: row.code ?? undefined,
    reservedTokens: BigInt(row.reserved[1] ?? '0'),
    reservedNanoUsd: BigInt(row.reserved[2] ?? '0'),
    seq: BigInt(row.intent_seq ?? '0'),
    atMs: row.created_at.getTime(),
    held: row.hold_id === null ? undefined : { seq: bigintOf(row.held_seq) },
    outcome:
      row.outcome_state === null
        ? undefined
        : {
            state: row.outcome_state,
            seq: BigInt(row.outcome_seq ?? '0'),
            unknownSeq: bigintOf(row.unknown_seq),
            tokens: usage?.reduce((sum, tokens) => sum + BigInt(tokens ?? '0'), 0n),
            costNanoUsd: bigintOf(row.cost_nano_usd),
          },
    costNanoUsd: row.cost_nano_usd ?? undefined,
    amount:
      row.amount_minor === null || row.currency === null
        ? undefined
        : { minorUnits: BigInt(row.amount_minor), currency: row.currency },
    recordedFacts: row.facts ?? undefined,
    origins: row.origins ?? undefined,
  }
}

function bigintOf(text: string | null): bigint | undefined {
  return text === null ? undefined : BigInt(text)
}
